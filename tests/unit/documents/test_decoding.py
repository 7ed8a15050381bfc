"""Documents by kind: what a file is, what it says, and what is wrong with it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.errors import DocumentError
from coworkd.core.model import (
    AgentLimits,
    AgentSpec,
    Answer,
    AnswerSpec,
    ApprovalPoint,
    Budget,
    CacheTool,
    Criterion,
    Integration,
    Kind,
    Loop,
    MessageKind,
    MessageSpec,
    Mode,
    NightSettings,
    OnError,
    PatternName,
    PatternRequest,
    PlanLevel,
    PlanSpec,
    Problem,
    RiskLevel,
    SandboxMode,
    SandboxSpec,
    Scope,
    Settings,
    Status,
    TaskSpec,
    ToolRules,
    WorkspaceLimits,
)
from coworkd.documents.decoding import Decoded, decode, is_note, kind_of
from coworkd.documents.markdown import compose, parse, parse_yaml
from coworkd.documents.schema.fields import Owner
from coworkd.documents.schema.tables import SCHEMAS

PATHS = {
    Kind.TASK: "tasks/ui/Dark Mode.md",
    Kind.PLAN: "plans/ui-refresh.md",
    Kind.MESSAGE: "messages/dark-mode/hello.md",
    Kind.APPROVAL: "approvals/dark-mode-1.md",
    Kind.REVIEW: "reviews/dark-mode.md",
    Kind.AGENT: "agents/claude.md",
    Kind.CONFIG: "config.yaml",
}


def decoded(kind: Kind, header: str, body: str = "") -> Decoded:
    if kind is Kind.CONFIG:
        return decode(PATHS[kind], parse_yaml(header.encode()))
    return decode(PATHS[kind], parse(f"---\n{header}\n---\n{body}".encode()))


def task(header: str, body: str = "") -> TaskSpec:
    spec = decoded(Kind.TASK, header, body).spec
    assert isinstance(spec, TaskSpec)
    return spec


def answer(header: str, kind: Kind = Kind.APPROVAL) -> AnswerSpec:
    spec = decoded(kind, header).spec
    assert isinstance(spec, AnswerSpec)
    return spec


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        *((path, kind) for kind, path in PATHS.items()),
        ("tasks/a.md", Kind.TASK),
        ("tasks/a/b/c/d.md", Kind.TASK),
        ("tasks/README.md", Kind.TASK),
        ("reviews/a.2.md", Kind.REVIEW),
        ("reviews/a.d/2.md", Kind.REVIEW),
        ("reviews/a.d/sub/2.md", None),
        ("reviews/sub/a.md", None),
        ("reviews/a.d/check-2.log", None),
        ("tasks/two\nlines.md", Kind.TASK),
        ("tasks/.a.md", None),
        ("tasks/#a.md", None),
        ("tasks/.#a.md", None),
        ("tasks/.trash/a.md", None),
        ("tasks/../a.md", None),
        ("tasks//a.md", None),
        ("tasks/a.md~", None),
        ("tasks/a.markdown", None),
        ("tasks/.md", None),
        ("tasks/a.MD", None),
        ("tasks", None),
        ("a.md", None),
        ("messages/a.md", None),
        ("messages/a/b/c.md", None),
        ("messages/a/b.live.md", None),
        ("approvals/a/b.md", None),
        ("agents/a/b.md", None),
        ("inbox.md", None),
        ("conflicts/a.md", None),
        ("templates/a.md", None),
        ("sub/config.yaml", None),
        ("", None),
    ],
)
def test_the_kind_of_a_path(path: str, kind: Kind | None) -> None:
    assert kind_of(path) == kind


@pytest.mark.parametrize(
    ("path", "text", "adopt", "note"),
    [
        ("tasks/a.md", "---\ntitle: x\n---\n", False, False),
        ("tasks/a.md", "---\n---\nDo it.", False, False),
        ("tasks/a.md", "Do it.", False, True),
        ("tasks/sub/a.md", "Do it.", True, False),
        ("tasks/a.md", "", True, True),
        ("tasks/a.md", " \n", True, True),
        ("tasks/a.md", "---\n---\n\n", True, True),
        ("tasks/README.md", "---\nstatus: ready\n---\nDo it.", True, True),
        ("tasks/sub/Index.md", "---\nstatus: ready\n---\nDo it.", True, True),
        ("agents/README.md", "About agents.", False, True),
        ("messages/a/b.md", "Hello", False, False),
        ("messages/a/b.md", "", False, True),
        ("plans/a.md", "# Plan", False, False),
        ("config.yaml", "", False, False),
    ],
)
def test_notes_are_not_acted_on(path: str, text: str, adopt: bool, note: bool) -> None:
    assert is_note(path, parse(text.encode()), adopt) is note


def test_a_task_with_everything() -> None:
    header = """\
title: Add a dark mode
status: ready
agent: claude
depends_on: [theme-tokens, API/Set Up.md]
priority: high
mode: Build
plan: UI refresh
labels: [ui]
touches: ["src/ui/**"]
verify: ["pytest -q"]
approve: [merge, tools]
on_error: skip
max_attempts: 5
timeout: 45m
loop: {promise: "<promise>DONE</promise>", max_iterations: 7}
budget: {usd: 2.0, tokens: 400000, minutes: 45}
pattern: {name: Team, members: [a, b], risk: high}
mine: {anything: [goes]}
cowork:
  id: add-a-dark-mode
  rev: 7
  by: anna-3f9c
  attempt: 2
  landed: 8c1f2ab
  cost_usd: 0.41"""
    document = decoded(Kind.TASK, header, "Do it.\n- [ ] works (verify: make)\n")
    assert document.spec == TaskSpec(
        title="Add a dark mode",
        status=Status.READY,
        agent="claude",
        depends_on=("theme-tokens", "api-set-up"),
        priority=1.0,
        mode=Mode.BUILD,
        plan="ui-refresh",
        labels=("ui",),
        touches=("src/ui/**",),
        verify=("pytest -q",),
        approve=frozenset({ApprovalPoint.MERGE, ApprovalPoint.TOOLS}),
        on_error=OnError.SKIP,
        max_attempts=5,
        timeout=2700.0,
        loop=Loop(promise="<promise>DONE</promise>", max_iterations=7),
        budget=Budget(usd=2.0, tokens=400_000, minutes=45.0),
        pattern=PatternRequest(name=PatternName.TEAM, members=("a", "b"), risk=RiskLevel.HIGH),
        body="Do it.\n- [ ] works (verify: make)\n",
        criteria=(Criterion(line=1, text="works", command="make", ticked=False),),
    )
    assert (document.cowork.id, document.cowork.rev, document.cowork.by) == ("add-a-dark-mode", 7, "anna-3f9c")
    assert (document.cowork.attempt, document.cowork.landed) == (2, "8c1f2ab")
    assert document.cowork.values == {"cost_usd": "0.41"}
    assert (document.problems, document.blocked) == ((), False)
    assert "mine" not in document.fields
    assert "cowork" not in document.fields


def test_a_task_with_nothing_takes_every_default() -> None:
    empty = "title:\nstatus: ~\nagent: null\ndepends_on:\napprove:\nloop:\nbudget:\ncowork:\n"
    for header in ("", empty):
        assert task(header) == TaskSpec(title="Dark Mode")
    assert decoded(Kind.TASK, empty).fields == {}


@pytest.mark.parametrize(
    ("header", "body", "title"),
    [("title: Mine", "# Other", "Mine"), ("", "\n# From the body\n", "From the body"), ("", "text", "Dark Mode")],
)
def test_the_title_is_the_key_the_heading_or_the_file_name(header: str, body: str, title: str) -> None:
    assert task(header, body).title == title


@pytest.mark.parametrize(
    ("written", "status"),
    [
        *((status.value, status) for status in Status),
        *((status.value.upper(), status) for status in Status),
        ("To Do", Status.DRAFT),
        ("todo", Status.DRAFT),
        ("TO-DO", Status.DRAFT),
        ("open", Status.DRAFT),
        ("Pending", Status.DRAFT),
        ("Done", Status.DONE),
        ("closed", Status.DONE),
        ("Completed", Status.DONE),
        ("canceled", Status.CANCELLED),
    ],
)
def test_statuses_and_their_aliases(written: str, status: Status) -> None:
    document = decoded(Kind.TASK, f"Status: {written}")
    assert isinstance(document.spec, TaskSpec)
    assert (document.spec.status, document.spec.status_notice) == (status, "")
    assert document.fields == {"status": status.value}


def test_an_empty_id_is_none() -> None:
    spec = task("plan: ''\ndepends_on: ['', x.md]")
    assert (spec.plan, spec.depends_on) == ("", ("x",))


@pytest.mark.parametrize("written", ["In Progress", "in-progress", "inprogress"])
def test_in_progress_is_a_draft_and_says_so(written: str) -> None:
    spec = task(f"status: {written}")
    assert spec.status is Status.DRAFT
    assert f"`{written}` is read as draft" in spec.status_notice


@pytest.mark.parametrize(
    ("written", "priority"), [("urgent", 0.0), ("High", 1.0), ("medium", 2.0), ("low", 3.0), ("1.5", 1.5), ("7", 7.0)]
)
def test_priorities(written: str, priority: float) -> None:
    assert task(f"priority: {written}").priority == priority


@pytest.mark.parametrize(
    "key", ["depends_on", "dependsOn", "Depends-On", "depends on", "DEPENDSON", "dependencies", "Dependencies"]
)
def test_keys_are_matched_loosely_and_by_alias(key: str) -> None:
    document = decoded(Kind.TASK, f"{key}: a")
    assert isinstance(document.spec, TaskSpec)
    assert document.spec.depends_on == ("a",)
    assert document.fields == {"depends_on": ["a"]}
    assert document.keys == {"depends_on": key}


@pytest.mark.parametrize("value", ["ui", "[ui]", "\n  - ui", "['ui']"])
def test_values_that_mean_the_same_compare_equal(value: str) -> None:
    assert decoded(Kind.TASK, f"tags: {value}").fields == {"labels": ["ui"]}


@pytest.mark.parametrize(
    ("header", "line", "field", "words"),
    [
        ("a: 1\ndepends_on: x\ndependencies: y", 4, "depends_on", "same key as `depends_on` on line 3"),
        ("status: draft\nStatus: ready", 3, "status", "same key as `status` on line 2"),
        ("my_key: 1\nmy-key: 2", 3, "mykey", "same key"),
        ("cowork: {}\nCoWork: {}", 3, "cowork", "same key"),
        ("a: 1\nstatus: redy", 3, "status", "did you mean `ready`?"),
        ("status: sleeping", 2, "status", "draft, ready, running, waiting, review, merging, done, failed, paused, can"),
        ("status: [ready]", 2, "status", "a list stands where a text belongs"),
        ("priority: hihg", 2, "priority", "did you mean `high`?"),
        ("priority: -1", 2, "priority", "or write a number"),
        ("title: {a: b}", 2, "title", "a map stands where a text belongs"),
        ("depends_on: {a: b}", 2, "depends_on", "write `[a, b]`"),
        ("labels: [[a]]", 2, "labels", "a list stands where"),
        ("mode: biuld", 2, "mode", "did you mean `build`?"),
        ("approve: [all]", 2, "approve", "plan, tools, merge"),
        ("on_error: ignore", 2, "on_error", "retry, skip, abort"),
        ("Max-Attempts: 0", 2, "max_attempts", "`Max-Attempts`: `0` is not a whole number of at least 1"),
        ("timeout: 0", 2, "timeout", "leaves no time"),
        ("loop: {max_iterations: 3}", 2, "loop", "write `{promise: WORDS}`"),
        ("pattern: teem", 2, "pattern.name", "did you mean `team`?"),
        ("pattern: red_team", 2, "pattern.name", "did you mean `red-team`?"),
        ("pattern: {members: [a]}", 2, "pattern", "write `{name: team, ...}`"),
        ("pattern: {name: team, member: [a]}", 2, "pattern.member", "did you mean `members`?"),
        ("pattern: {name: team, size: 3}", 2, "pattern.size", "there is: name, members"),
        ("pattern: {name: team, rounds: 0}", 2, "pattern.rounds", "at least 1"),
        ("pattern: {name: team, rounds: 99}", 2, "pattern.rounds", "more than 10"),
        ("pattern: {name: team, critique: 2}", 2, "pattern.critique", "more than 1"),
        ("pattern: {name: team, decide: me}", 2, "pattern.decide", "auto, person"),
        ("pattern: {name: team, risk: huge}", 2, "pattern.risk", "low, medium, high, critical"),
        ("pattern: {name: team, members: [a, b, c, d, e, f, g, h, i, j, k]}", 2, "pattern.members", "at most 10"),
        ("loop: {promise: ALL DONE, give_up: DONE}", 2, "loop", "a part of the promise"),
        ("loop: {promise: DONE, delay: soon}", 2, "loop.delay", "not a length of time"),
        ("loop: yes", 2, "loop", "write `{promise: ...}`"),
        ("budget: {usd: lots}", 2, "budget.usd", "`budget.usd`: `lots` is not a number"),
        ("budget: {toekns: 3}", 2, "budget.toekns", "did you mean `tokens`?"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_line_and_key(header: str, line: int, field: str, words: str) -> None:
    with pytest.raises(DocumentError) as caught:
        decoded(Kind.TASK, header)
    error = caught.value
    assert (error.path, error.line, error.field) == (PATHS[Kind.TASK], line, field)
    assert words in error.message
    assert str(error).startswith(f"{PATHS[Kind.TASK]}:{line}: `")


def test_a_slip_holds_the_task_and_an_unknown_key_does_not() -> None:
    document = decoded(Kind.TASK, "status: ready\nmodel: x\ndepend_on: [a]\nnote: y")
    assert document.blocked
    assert document.problems == (
        Problem(
            path=PATHS[Kind.TASK],
            line=4,
            message="`depend_on` is not known here and looks like `depends_on`; write that, or rename your own key",
        ),
    )
    assert not decoded(Kind.TASK, "status: ready\nmodel: x\nnote: y").blocked


@pytest.mark.parametrize(
    "cowork",
    [
        "broken",
        "[a, b]",
        "~",
        "{}",
        "{id: [x], rev: {a: 1}, attempt: many}",
        "{rev: -1, REV: 3}",
        "{rev: 99999999999999999}",
    ],
)
def test_a_malformed_map_of_the_daemon_reads_as_empty(cowork: str) -> None:
    found = decoded(Kind.TASK, f"cowork: {cowork}").cowork
    assert (found.id, found.rev, found.by, found.attempt, found.request) == ("", None, "", 0, "")


@given(
    st.recursive(
        st.none() | st.text("a1: ", max_size=4),
        lambda s: st.lists(s) | st.dictionaries(st.sampled_from(["id", "rev", "Rev", "x"]), s),
    )
)
def test_no_map_of_the_daemon_stops_a_document(value: object) -> None:
    assert decoded(Kind.TASK, f"cowork: {json.dumps(value)}").spec == TaskSpec(title="Dark Mode")


@pytest.mark.parametrize("kind", [Kind.APPROVAL, Kind.REVIEW])
@pytest.mark.parametrize("word", Answer)
@pytest.mark.parametrize("written", ["{}", '"{}"', "'{}'", "  {}   # yes"])
def test_an_answer_is_one_of_four_words(kind: Kind, word: Answer, written: str) -> None:
    spec = answer(f"approval: {written.format(word)}\ncowork: {{request: r1}}", kind)
    assert (spec.answer, spec.written, spec.request) == (word, word.value, "r1")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Approved", "Approved"),
        ("APPROVED", "APPROVED"),
        ("approve", "approve"),
        ("yes", "yes"),
        ("true", "true"),
        ('"approved "', "approved "),
        ("approved!", "approved!"),
        ("[approved]", "[approved]"),
        ("{approved: yes}", "{approved: yes}"),
        ("|\n  approved", r"approved\n"),
        ("\u0430pproved", r"\u0430pproved"),
        ("appro\u200bved", r"appro\u200bved"),
        ("approved\u00a0", r"approved\xa0"),
        ("\uff41pproved", r"\uff41pproved"),
        ("approved rejected", "approved rejected"),
        ("", ""),
        ("null", ""),
        ("x" * 500, "x" * 59 + "…"),
    ],
)
def test_what_resembles_an_answer_is_none(written: str, shown: str) -> None:
    spec = answer(f"approval: {written}")
    assert (spec.answer, spec.written) == (None, shown)


@given(st.text(max_size=12) | st.sampled_from([*Answer]).map(str.title))
def test_only_the_exact_words_answer(written: str) -> None:
    spec = decode(PATHS[Kind.APPROVAL], parse(compose({"approval": written}, ""))).spec
    assert isinstance(spec, AnswerSpec)
    assert spec.answer == (written if written in list(Answer) else None)


def test_a_look_alike_key_is_no_approval() -> None:
    assert answer("\u0430pproval: approved").answer is None


def test_two_approvals_are_refused() -> None:
    with pytest.raises(DocumentError, match="same key"):
        answer("approval: approved\nApproval: rejected")


def test_an_approval_with_everything() -> None:
    document = decoded(
        Kind.APPROVAL,
        'approval: approved\nscope: task\ngrant: "run(npm test *)"\ncomment: go\n'
        "cowork: {request: r1, rev: 2, tool: run}",
        "Body",
    )
    assert document.spec == AnswerSpec(
        answer=Answer.APPROVED,
        written="approved",
        comment="go",
        scope=Scope.TASK,
        grant="run(npm test *)",
        request="r1",
        body="Body",
    )
    assert document.cowork.values == {"tool": "run"}
    with pytest.raises(DocumentError, match="once, task, always"):
        answer("approval: approved\nscope: forever")


def test_a_review_has_a_status() -> None:
    assert answer("approval: pending\nstatus: Revert", Kind.REVIEW).status == "revert"
    with pytest.raises(DocumentError, match="did you mean `revert`"):
        answer("approval: pending\nstatus: rever", Kind.REVIEW)


def test_plans() -> None:
    assert decoded(Kind.PLAN, "", "# Refresh\n").spec == PlanSpec(title="Refresh", body="# Refresh\n")
    spec = decoded(Kind.PLAN, "title: T\nlevel: Phase\nparent: Big One\napproval: approved\ncowork: {request: r}").spec
    assert spec == PlanSpec(
        title="T",
        level=PlanLevel.PHASE,
        parent="big-one",
        answer=AnswerSpec(answer=Answer.APPROVED, written="approved", request="r"),
    )


def test_messages() -> None:
    assert decode(PATHS[Kind.MESSAGE], parse(b"Hello")).spec == MessageSpec(body="Hello")
    spec = decoded(
        Kind.MESSAGE, "from: claude\nkind: question\nstate: done\nreply_to: x.md\ndraft: yes\nresend: no"
    ).spec
    assert spec == MessageSpec(sender="claude", kind=MessageKind.QUESTION, reply_to="x", draft=True)


def test_agents() -> None:
    assert decoded(Kind.AGENT, "", "You are kind.").spec == AgentSpec(name="claude", prompt="You are kind.")
    header = """\
driver: acp
model: vendor/model-1
command: my-agent --flag
fallback: [codex, local]
limits: {concurrency: 4, timeout: 1h, stall: 90, output: 1MB}
sandbox: {mode: require, network: [api.example.com], allow_paths: /opt}
tools: {allow: ["run(npm test *)"], ask: net, deny: []}
login: mine
billing: subscription
env: {A: "1", B: }
env_pass: HOME"""
    assert decoded(Kind.AGENT, header).spec == AgentSpec(
        name="claude",
        driver="acp",
        model="vendor/model-1",
        command=("my-agent", "--flag"),
        fallback=("codex", "local"),
        limits=AgentLimits(concurrency=4, timeout=3600.0, stall=90.0, output=1_000_000),
        sandbox=SandboxSpec(mode=SandboxMode.REQUIRE, network=("api.example.com",), allow_paths=("/opt",)),
        tools=ToolRules(allow=("run(npm test *)",), ask=("net",)),
        login="mine",
        billing="subscription",
        env=(("A", "1"), ("B", "")),
        env_pass=("HOME",),
    )


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("limits: {concurrency: 0}", "`limits.concurrency`: `0` is not a whole number of at least 1"),
        ("sandbox: none", "auto, require, off"),
        ("tools: {denny: [net]}", "did you mean `deny`?"),
        ("billing: free", "api, subscription"),
        ("env: [A=1]", "write `{NAME: value}`"),
    ],
)
def test_agents_are_read_strictly(header: str, words: str) -> None:
    with pytest.raises(DocumentError) as caught:
        decoded(Kind.AGENT, header)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (
            "limits: {providers: {anthropic: 0}}",
            "`limits.providers.anthropic`: `0` is not a whole number of at least 1",
        ),
        ("limits: {providers: 4}", "write `{name: 4}`"),
        ("limits: {provider: {anthropic: 1}}", "did you mean `providers`?"),
    ],
)
def test_limits_of_providers_are_read_strictly(header: str, words: str) -> None:
    with pytest.raises(DocumentError) as caught:
        decoded(Kind.CONFIG, header)
    assert words in caught.value.message


def test_settings() -> None:
    assert decoded(Kind.CONFIG, "").spec == Settings()
    text = """\
version: 1
agent: claude
concurrency: 8
limits: {providers: {OpenAI: 2, anthropic: "4"}, disk: 20GB}
quiet: 2
integration: {branch: cowork/next, target: main, land: auto}
setup: npm ci
copy: [.env.test]
caches: [pip, npm]
verify: ["pytest -q"]
verify_timeout: 10m
approve: []
backoff: 0.5
max_attempts: 2
sandbox: {mode: off}
budget: {usd_per_day: 20}
night: {from: 22:00, to: 7:05, usd: 5, tokens: 900000, max_tasks: 12}
adopt_notes: true
run_pulled: yes
commit: auto
keep_days: 3
notify: []
later: unknown"""
    assert decoded(Kind.CONFIG, text).spec == Settings(
        agent="claude",
        concurrency=8,
        quiet=2.0,
        integration=Integration(branch="cowork/next", target="main", land="auto"),
        setup=("npm ci",),
        copy=(".env.test",),
        caches=frozenset({CacheTool.NPM, CacheTool.PIP}),
        verify=("pytest -q",),
        verify_timeout=600.0,
        approve=frozenset(),
        backoff=0.5,
        max_attempts=2,
        sandbox=SandboxSpec(mode=SandboxMode.OFF),
        limits=WorkspaceLimits(providers=(("anthropic", 4), ("openai", 2)), disk=20_000_000_000),
        budget_usd_per_day=20.0,
        night=NightSettings(begin=22 * 60, end=7 * 60 + 5, usd=5.0, tokens=900_000, max_tasks=12),
        adopt_notes=True,
        run_pulled=True,
        commit="auto",
        keep_days=3.0,
    )


@pytest.mark.parametrize(
    ("text", "problems"),
    [("notify: []", []), ("quiet: 1\nnotify: [touch x]", [(2, "`notify` has no effect here")])],
)
def test_commands_for_the_users_machine_are_not_for_a_workspace_to_say(text: str, problems: list[object]) -> None:
    found = decoded(Kind.CONFIG, text).problems
    assert [(problem.line, problem.message[:27]) for problem in found] == problems


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("quiet: 1\nversion: 2", 2, "reads format 1, not 2"),
        ("concurrency: 0", 1, "at least 1"),
        ("integration: {land: always}", 1, "ask, auto"),
        ("quiet: 1\nnight: {from: 22:00, to: 22:00}", 2, "`from` and `to` are the same time"),
        ("night:\n  from: 7:00\n  to: 07:00", 1, "`from` and `to` are the same time"),
        ("night: {from: 22:00}", 1, "a night needs its beginning and its end"),
        ("night: {from: 24:00, to: 07:00}", 1, "`24:00` is not a time of the day; write for example `22:00`"),
        ("night: {from: 22:00, to: 7}", 1, "`7` is not a time of the day"),
        ("night: {from: 22:00, to: 07:00, max_task: 3}", 1, "did you mean `max_tasks`?"),
        ("night: {from: 22:00, to: 07:00, agents: 3}", 1, "there is: from, to, usd, tokens, max_tasks"),
        ("night: {from: 22:00, to: 07:00, max_tasks: 0}", 1, "at least 1"),
        ("night: true", 1, "write `{from: ...}`"),
    ],
)
def test_settings_are_read_strictly(text: str, line: int, words: str) -> None:
    with pytest.raises(DocumentError) as caught:
        decoded(Kind.CONFIG, text)
    assert (caught.value.line, words in caught.value.message) == (line, True)


def test_a_path_that_is_no_document_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"inbox\.md: no document belongs here"):
        decode("inbox.md", parse(b""))


@pytest.mark.parametrize("kind", Kind)
def test_only_status_and_approval_are_written_by_both(kind: Kind) -> None:
    both = {field.name for field in SCHEMAS[kind].fields if field.owner is Owner.BOTH}
    assert both <= {"status", "approval"}


@given(st.sampled_from(list(Kind)), st.binary(max_size=120))
def test_any_file_decodes_or_is_refused(kind: Kind, header: bytes) -> None:
    names = [field.name.encode() for field in SCHEMAS[kind].fields]
    data = b"---\n" + b"\n".join(name + b": " + header.replace(b"\n", b" ") for name in names) + b"\n---\n"
    try:
        decode(PATHS[kind], parse(data))
    except DocumentError as error:
        assert error.line >= 0


@pytest.mark.parametrize(
    ("header", "line", "message"),
    [
        ("mode: plan\npattern: team", 3, "not for `mode: plan`; for that there is: solo"),
        ("pattern: debate\ntitle: x", 2, "`pattern: debate` is for `mode: answer`, not for `mode: build`"),
        ("mode: answer\nloop: {promise: x}", 3, "`mode: answer` only reads"),
        ("loop: {promise: x}\nmode: plan", 2, "`mode: plan` only reads"),
    ],
)
def test_keys_that_contradict_each_other_hold_the_task(header: str, line: int, message: str) -> None:
    document = decoded(Kind.TASK, header, "Do it.")
    assert [(problem.line, message in problem.message) for problem in document.problems] == [(line, True)]
    assert document.blocked


def test_defaults_of_patterns() -> None:
    settings = decoded(Kind.CONFIG, "patterns: {team: {members: [a, b]}, red-team: {rounds: 3}}", "").of(Settings)
    assert {(one.name, one.members, one.rounds) for one in settings.patterns} == {
        (PatternName.TEAM, ("a", "b"), None),
        (PatternName.RED_TEAM, (), 3),
    }
