"""The driver `llm` with the real client library, against a server that speaks as the providers do."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from coworkd.agents.drivers.llm import litellm_client
from coworkd.agents.drivers.llm.driver import LlmAgent, session_file
from coworkd.agents.port import (
    AnswerDecision,
    Asked,
    Assignment,
    ContextUsed,
    Ended,
    EndReason,
    ErrorKind,
    ErrorReported,
    InboxAnswer,
    Retrying,
    TextWritten,
    ToolEnded,
    UsageReported,
)
from coworkd.core.errors import ProgramMissingError
from coworkd.core.model import AgentSpec, Budget, Mode, ToolRules
from tests.modelserver import (
    Call,
    Flaw,
    ModelServer,
    Query,
    Refusal,
    Reply,
    Script,
    Spent,
    Trouble,
    Turn,
    after,
    run,
    steps,
    write,
)
from tests.sessions import Following, assignment

KEY = "sk-canary-4711"
MODELS = {
    "openai/gpt-4o-mini": ("OPENAI", "/v1"),
    "openai/responses/gpt-5-mini": ("OPENAI", "/v1"),
    "anthropic/claude-sonnet-4-5": ("ANTHROPIC", ""),
    "gemini/gemini-2.5-flash": ("GEMINI", "/v1beta"),
}
OPENAI = "openai/gpt-4o-mini"


LOOKED_UP: set[str] = set()
"""Every host that this process has looked up, in other tests too: they use this machine alone."""
THIS_MACHINE = {"127.0.0.1", "localhost"}


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        LOOKED_UP.add(str(arguments[0]))


sys.addaudithook(_hear)


def finish(summary: str) -> Reply:
    return Reply(calls=(Call(name="finish", arguments={"summary": summary}),))


class Lab:
    """A model server, and runs of models that it plays."""

    def __init__(self, tmp_path: Path, closing: ExitStack) -> None:
        self.path = tmp_path
        self.server = closing.enter_context(ModelServer())
        self.worktree = tmp_path / "worktree"
        self.worktree.mkdir()

    def order(self, model: str = OPENAI, rules: ToolRules | None = None, **changes: object) -> Assignment:
        prefix, path = MODELS.get(model, ("OPENAI", "/v1"))
        env = ((f"{prefix}_API_KEY", KEY), (f"{prefix}_API_BASE", self.server.url + path))
        agent = AgentSpec(name="tester", driver="llm", model=model, env=env, tools=rules or ToolRules())
        return assignment(self.path, "task", **({"agent": agent} | changes))

    def follow(self, script: Script, order: Assignment | None = None, resume: str | None = None) -> Following:
        self.server.script = script
        return Following(LlmAgent(), order or self.order(), resume)

    def run(self, script: Script, order: Assignment | None = None) -> Following:
        following = self.follow(script, order)
        following.end()
        return following


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    litellm_client.load_litellm()
    with ExitStack() as closing:
        yield Lab(tmp_path, closing)


def ended(following: Following) -> Ended:
    last = following.seen[-1]
    assert isinstance(last, Ended)
    return last


def results(following: Following) -> list[str]:
    return [event.output for event in following.seen if isinstance(event, ToolEnded)]


@pytest.mark.parametrize("model", MODELS)
def test_files_are_written_and_commands_run_with_every_provider(lab: Lab, model: str) -> None:
    spent = Spent(input=1000, cached=400, output=100)
    script = steps(
        Reply(text="First a file.", calls=(write("src/a.txt", "one\n"), run("cat src/a.txt; pwd")), spent=spent),
        Reply(calls=(Call(name="edit", arguments={"path": "src/a.txt", "old": "one", "new": "two"}),), spent=spent),
        finish("All is done."),
    )
    following = lab.run(script, lab.order(model))
    assert ended(following).reason is EndReason.DONE
    assert (lab.worktree / "src" / "a.txt").read_text() == "two\n"
    assert results(following) == ["wrote src/a.txt", f"one\n{lab.worktree}\n", "edited src/a.txt"]
    assert following.text() == "First a file.\n\nAll is done."
    first = next(event for event in following.seen if isinstance(event, UsageReported))
    assert (first.usage.input_tokens, first.usage.cached_tokens, first.usage.output_tokens) == (1000, 400, 100)
    assert first.estimated
    assert first.usage.cost_usd is not None
    assert 0 < first.usage.cost_usd < 0.01
    assert any(isinstance(event, ContextUsed) and event.used == 1100 for event in following.seen)


@pytest.mark.parametrize(
    ("model", "prefix", "path", "asked"),
    [
        ("openrouter/anthropic/claude-sonnet-4", "OPENROUTER", "/v1", "anthropic/claude-sonnet-4"),
        ("groq/llama-3.3-70b-versatile", "GROQ", "/v1", "llama-3.3-70b-versatile"),
        ("xai/grok-3", "XAI", "/v1", "grok-3"),
        ("cerebras/llama3.1-8b", "CEREBRAS", "/v1", "llama3.1-8b"),
        ("mistral/mistral-large-latest", "MISTRAL", "/v1", "mistral-large-latest"),
        ("deepseek/deepseek-chat", "DEEPSEEK", "/v1", "deepseek-chat"),
        ("ollama/qwen3", "OLLAMA", "", "qwen3"),
    ],
)
def test_other_providers_are_reached_by_the_models_name(
    lab: Lab, model: str, prefix: str, path: str, asked: str
) -> None:
    env = ((f"{prefix}_API_KEY", KEY), (f"{prefix}_API_BASE", lab.server.url + path))
    agent = AgentSpec(name="tester", driver="llm", model=model, env=env)
    spent = Spent(unasked=True)
    last = replace(finish("done"), spent=spent)
    script = steps(Reply(text="so", calls=(write("a.txt", "a\n"),), spent=spent), last)
    following = lab.run(script, lab.order(agent=agent))
    assert ended(following).reason is EndReason.DONE
    assert (lab.worktree / "a.txt").exists()
    assert {query.model for query in lab.server.queries} == {asked}
    assert {request.headers["authorization"] for request in lab.server.requests} == {f"Bearer {KEY}"}
    assert "127.0.0.1" in LOOKED_UP  # the hook hears the model's own host
    assert LOOKED_UP <= THIS_MACHINE  # no tokenizer, no price table, nothing else is fetched from anywhere


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("trouble", "kind", "reason"),
    [
        (Trouble.RATE_LIMIT, ErrorKind.RATE_LIMIT, EndReason.UNAVAILABLE),
        (Trouble.QUOTA, ErrorKind.QUOTA, EndReason.UNAVAILABLE),
        (Trouble.OVERLOADED, ErrorKind.OVERLOADED, EndReason.UNAVAILABLE),
        (Trouble.AUTH, ErrorKind.AUTH, EndReason.FAILED),
        (Trouble.CONTEXT, ErrorKind.CONTEXT, EndReason.FAILED),
    ],
)
def test_refusals_are_typed_with_every_provider(
    lab: Lab, model: str, trouble: Trouble, kind: ErrorKind, reason: EndReason
) -> None:
    following = lab.run(steps(Refusal(trouble=trouble, retry_after=7)), lab.order(model))
    (error,) = (event for event in following.seen if isinstance(event, ErrorReported))
    assert (error.kind, error.retry_after) == (kind, 7.0)
    assert ended(following).reason is reason
    assert len(lab.server.queries) == 1


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_that_breaks_off_is_asked_again_and_then_an_error(lab: Lab, model: str) -> None:
    broken = Reply(text="a reply in a number of pieces that breaks off", flaw=Flaw.DROPPED)
    following = lab.run(after(broken, then=steps(finish("done"))), lab.order(model))
    assert ended(following).reason is EndReason.DONE
    assert [event.kind for event in following.seen if isinstance(event, Retrying)] == [ErrorKind.NETWORK]
    following = lab.run(steps(broken), lab.order(model, run="another"))
    assert ended(following).reason is EndReason.FAILED
    assert len([event for event in following.seen if isinstance(event, Retrying)]) == 2


@pytest.mark.parametrize("model", [OPENAI, "gemini/gemini-2.5-flash"])
def test_a_reply_without_usage_does_not_count(lab: Lab, model: str) -> None:
    following = lab.run(steps(Reply(text="done", flaw=Flaw.UNCOUNTED)), lab.order(model))
    assert ended(following).reason is EndReason.FAILED
    assert "usage" in ended(following).message


def test_a_provider_that_no_one_answers_for_is_unavailable(lab: Lab) -> None:
    order = lab.order()
    lab.server.close()
    following = lab.run(steps(finish("done")), order)
    assert ended(following).reason is EndReason.UNAVAILABLE


def test_a_key_that_is_not_there_is_named(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    agent = AgentSpec(name="tester", driver="llm", model="anthropic/claude-sonnet-4-5")
    following = lab.run(steps(finish("done")), assignment(lab.path, "task", agent=agent))
    assert ended(following).reason is EndReason.FAILED
    assert "ANTHROPIC_API_KEY" in ended(following).message


def test_the_key_reaches_the_provider_and_no_one_else(lab: Lab) -> None:
    order = lab.order()
    following = lab.run(steps(Reply(calls=(run("env; cat /proc/self/environ"),)), finish("done")), order)
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in lab.server.requests)
    assert not any(KEY in request.body.decode() for request in lab.server.requests)
    assert "COWORK_RUN" in results(following)[0]
    assert KEY not in repr(following.seen)
    files = [path for path in lab.path.rglob("*") if path.is_file()]
    assert [path for path in files if KEY in path.read_text(errors="replace")] == []


def test_what_the_rules_deny_is_not_done_and_told(lab: Lab) -> None:
    rules = ToolRules(deny=("run(rm *)", "write(secret/*)"))
    script = steps(Reply(calls=(run("rm -r src"), write("secret/a", "x"), write("b", "y"))), finish("done"))
    following = lab.run(script, lab.order(rules=rules))
    assert [text.startswith("Denied") for text in results(following)] == [True, True, False]
    assert not (lab.worktree / "secret").exists()
    assert (lab.worktree / "b").exists()


def test_plan_mode_changes_nothing_whatever_the_model_tries(lab: Lab) -> None:
    script = steps(Reply(calls=(write("a", "x"), run("touch b"))), finish("the plan"))
    following = lab.run(script, lab.order(mode=Mode.PLAN))
    assert list(lab.worktree.iterdir()) == []
    assert following.text() == "the plan"
    assert set(lab.server.queries[0].tools) == {"read", "list", "search", "ask", "finish"}


def test_a_grant_allows_what_would_be_asked(lab: Lab) -> None:
    order = lab.order(rules=ToolRules(ask=("run",)), granted=("run(touch *)",))
    following = lab.run(steps(Reply(calls=(run("touch a"),)), finish("done")), order)
    assert not any(isinstance(event, Asked) for event in following.seen)
    assert (lab.worktree / "a").exists()


def test_the_same_call_is_asked_about_each_time(lab: Lab) -> None:
    script = steps(Reply(calls=(run("echo x >> a"),)), Reply(calls=(run("echo x >> a"),)), finish("done"))
    following = lab.follow(script, lab.order(rules=ToolRules(ask=("run",))))
    names = []
    for decision in (AnswerDecision.APPROVED, AnswerDecision.REJECTED):
        asked = following.until(Asked)
        names.append(asked.request)
        following.agent.answer(asked.request, InboxAnswer(decision=decision))
    following.end()
    assert len(set(names)) == 2
    assert (lab.worktree / "a").read_text() == "x\n"


def test_messages_join_the_next_question_and_keep_a_run_going(lab: Lab) -> None:
    def script(query: Query) -> Turn:
        if query.turn == 0:
            return Reply(text="a first reply in some pieces", flaw=Flaw.HELD)
        return Reply(text="I heard: " + query.said[-1])

    following = lab.follow(script)
    following.until(TextWritten)
    following.agent.deliver("note.md", "Use blue.")
    following.agent.deliver("note.md", "Use blue.")
    lab.server.release()
    assert following.end().reason is EndReason.DONE
    assert following.text().count("I heard: Use blue.") == 1


def test_a_model_that_calls_nonsense_is_told_and_goes_on(lab: Lab) -> None:
    nonsense = (Call(name="fly"), Call(name="read", raw="{oops"), Call(name="read", arguments={"path": "../x"}))
    following = lab.run(steps(Reply(calls=nonsense), finish("done")))
    assert ended(following).reason is EndReason.DONE
    assert ["no tool" in results(following)[0], "JSON" in results(following)[1], ".." in results(following)[2]] == [
        True
    ] * 3


def test_a_model_that_says_nothing_is_not_asked_for_ever(lab: Lab) -> None:
    following = lab.run(steps(Reply()))
    assert ended(following).reason is EndReason.FAILED
    assert len(lab.server.queries) == 3


def test_searching_listing_and_reading_some_lines(lab: Lab) -> None:
    (lab.worktree / "src").mkdir()
    (lab.worktree / "src" / "a.py").write_text("one\ntwo\nthree\n")
    calls = (
        Call(name="list", arguments={}),
        Call(name="search", arguments={"pattern": "t(w|h)"}),
        Call(name="search", arguments={"pattern": "nowhere"}),
        Call(name="read", arguments={"path": "src/a.py", "first": 2, "lines": 1}),
        Call(name="search", arguments={"pattern": "x", "path": "/etc"}),
    )
    following = lab.run(steps(Reply(calls=calls), finish("done")))
    assert results(following)[:4] == ["src/", "src/a.py:2:two\nsrc/a.py:3:three\n", "nothing found", "two\n"]
    assert "does not lie in the worktree" in results(following)[4]


def test_a_command_has_its_time(lab: Lab) -> None:
    call = Call(name="run", arguments={"command": "echo begun; sleep 1000", "timeout": 1})
    following = lab.run(steps(Reply(calls=(call,)), finish("done")))
    assert ended(following).reason is EndReason.DONE
    assert results(following)[0].startswith("begun\n")
    assert "had its time" in results(following)[0]


def test_a_shell_that_is_not_there_is_the_machines_and_not_told_to_the_model(lab: Lab) -> None:
    order = lab.order()
    order = replace(order, agent=replace(order.agent, env=(*order.agent.env, ("PATH", str(lab.path)))))
    lab.server.script = steps(Reply(calls=(run("true"),)), finish("done"))
    with pytest.raises(ProgramMissingError, match="bash"):
        list(LlmAgent().start(order, None))


def test_a_budget_ends_the_run_before_it_is_passed(lab: Lab) -> None:
    spent = Spent(input=4000, output=1000)
    script = steps(Reply(calls=(Call(name="list"),), spent=spent))
    following = lab.run(script, lab.order(budget=Budget(tokens=20_000)))
    assert ended(following).reason is EndReason.BUDGET
    used = [event.usage for event in following.seen if isinstance(event, UsageReported)]
    assert 0 < sum(usage.input_tokens + usage.output_tokens for usage in used) <= 20_000
    assert all(query.body["max_tokens"] <= 20_000 for query in lab.server.queries)


def test_a_budget_in_money_keeps_replies_short_enough(lab: Lab) -> None:
    following = lab.run(steps(finish("done")), lab.order(budget=Budget(usd=0.003)))
    assert ended(following).reason is EndReason.DONE
    assert lab.server.queries[0].body["max_tokens"] * 0.6e-6 < 0.003


def test_an_unknown_price_with_a_budget_in_money_asks_nothing(lab: Lab) -> None:
    following = lab.run(steps(finish("done")), lab.order("openai/house-blend", budget=Budget(usd=10.0)))
    assert ended(following).reason is EndReason.BUDGET
    assert "price" in ended(following).message
    assert lab.server.queries == []


def test_an_unknown_price_is_no_cost_and_not_zero(lab: Lab) -> None:
    following = lab.run(steps(finish("done")), lab.order("openai/house-blend"))
    (report,) = (event for event in following.seen if isinstance(event, UsageReported))
    assert report.usage.cost_usd is None
    assert not report.estimated


def test_a_full_context_is_summed_up_and_the_work_goes_on(lab: Lab) -> None:
    """The window of the model is 128000 tokens."""

    def script(query: Query) -> Turn:
        if "Write a summary" in query.said[-1]:
            return Reply(text="SUMMARY: half is done", spent=Spent(input=120_000, output=50))
        if any("SUMMARY: half is done" in said for said in query.said):
            return finish("the rest too")
        full = 105_000 if query.turn == 0 else 118_000
        return Reply(calls=(Call(name="list", arguments={}),), spent=Spent(input=full, output=10))

    following = lab.run(script, lab.order(prompt="PROMPT: paint it"))
    assert ended(following).reason is EndReason.DONE
    assert following.text().endswith("the rest too")
    assert "80% full" in following.text()
    assert "90% full" in following.text()
    last = lab.server.queries[-1]
    assert any("PROMPT: paint it" in said for said in last.said)
    assert last.turn == 0


def test_a_context_that_is_too_long_is_summed_up_once(lab: Lab) -> None:
    def script(query: Query) -> Turn:
        if "Write a summary" in query.said[-1]:
            return Reply(text="SUMMARY")
        if any("SUMMARY" in said for said in query.said):
            return finish("done")
        return Refusal(trouble=Trouble.CONTEXT) if query.turn else Reply(calls=(Call(name="list"),))

    assert ended(lab.run(script)).reason is EndReason.DONE


@pytest.mark.parametrize(("used", "summaries"), [(60_000, 0), (0, 1)])
def test_a_resumed_session_goes_by_the_providers_count(lab: Lab, used: int, summaries: int) -> None:
    """Its bytes alone look like more than the window of 128000 tokens."""
    order = lab.order(prompt="Go on.")
    records = [
        {"type": "Prompt", "text": "word " * 50_000},
        {"type": "Reply", "text": "half done", "calls": [], "used": used},
    ]
    file = session_file(order, order.run)
    file.parent.mkdir(parents=True)
    file.write_text("".join(json.dumps(record) + "\n" for record in records))

    def script(query: Query) -> Turn:
        return Reply(text="so far") if "Write a summary" in query.said[-1] else finish("done")

    assert ended(lab.run(script, order)).reason is EndReason.DONE
    assert len(lab.server.queries) == 1 + summaries


def test_an_interrupted_command_is_not_repeated(lab: Lab) -> None:
    """Its conversation says that it was begun, and not how it ended: as after a kill -9 in the middle of it."""
    order = lab.order()
    told: list[str] = []

    def script(query: Query) -> Turn:
        told[:] = query.said
        return finish("looked")

    records = [
        {"type": "Prompt", "text": order.prompt},
        {"type": "Reply", "text": "", "calls": [{"id": "1", "tool": "run", "arguments": '{"command": "touch a"}'}]},
        {"type": "Begun", "call": "1"},
    ]
    file = session_file(order, order.run)
    file.parent.mkdir(parents=True)
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert ended(lab.run(script, order)).reason is EndReason.DONE
    assert "was interrupted" in told[-1]
    assert not (lab.worktree / "a").exists()


def test_a_session_resumed_with_a_new_prompt_first_settles_what_was_open(lab: Lab) -> None:
    first = lab.follow(steps(Reply(calls=(run("touch a"),))), lab.order(rules=ToolRules(ask=("run",))))
    asked = first.until(Asked)
    first.agent.cancel()
    first.end()
    said: list[str] = []

    def script(query: Query) -> Turn:
        said[:] = query.said
        return finish("done")

    order = lab.order(rules=ToolRules(ask=("run",)), run="later", prompt="Go on, please.")
    second = lab.follow(script, order, resume=first.order.run)
    second.agent.answer(asked.request, InboxAnswer(decision=AnswerDecision.APPROVED))
    assert second.end().reason is EndReason.DONE
    assert (lab.worktree / "a").exists()
    assert said == ["Do it.", "(no output)", "Go on, please."]
