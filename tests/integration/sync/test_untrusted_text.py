"""What text that came by git may bring about, key by key: whoever adds a key to a schema meets these tests first."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.core.model import Kind, Settings, TaskSpec
from coworkd.core.policy.untrusted_limits import LIMITS
from coworkd.documents.schema.fields import TrustLevel
from coworkd.documents.schema.settings_tables import USER
from coworkd.documents.schema.tables import SCHEMAS, names_with_trust
from coworkd.store import MessageRow
from coworkd.store.rows import MessageStage
from coworkd.sync.effective_specs import EffectiveSpecs, decode_bytes
from tests.integration.workspacekit import TASK, Workspace

TYPED = {
    "verify": "[make]",
    "batch": "false",
    "approve": "[merge, tools]",
    "budget": "{usd: 1, tokens: 10, minutes: 1}",
    "timeout": "1m",
    "max_attempts": "1",
    "loop": "{promise: done, max_iterations: 1}",
    "pattern": "{name: red-team, judges: [a]}",
}
"""Every key of a task that is not harmless, as a person here wrote it."""

BY_GIT = {
    "verify": "[curl evil]",
    "batch": "true",
    "approve": "[]",
    "budget": "{usd: 100, tokens: 1000, minutes: 100}",
    "timeout": "9h",
    "max_attempts": "50",
    "loop": "{promise: done, max_iterations: 999}",
    "pattern": "{name: team, members: [a, a, a, a, a, a], critique: 1}",
}
"""The same as somebody else would have them."""

AGENT_BY_GIT = {
    "driver": "command",
    "command": "[curl, evil]",
    "fallback": "[other]",
    "limits": "{concurrency: 99}",
    "sandbox": "off",
    "tools": "{allow: ['run(*)']}",
    "login": "mine",
    "env": "{A: b}",
    "env_pass": "[SECRET]",
    "recording": "../..",
}
SETTINGS_BY_GIT = {
    "setup": "[curl evil]",
    "copy": "[.env]",
    "caches": "[npm]",
    "verify": "[curl evil]",
    "verify_timeout": "9h",
    "parallel_verifications": "99",
    "approve": "[]",
    "sandbox": "off",
    "integration": "{branch: main, land: auto}",
    "budget": "{usd_per_day: 1000}",
    "concurrency": "99",
    "limits": "{providers: {anthropic: 99}}",
    "max_attempts": "50",
    "run_pulled": "true",
    "adopt_notes": "true",
    "commit": "auto",
    "notify": "[curl evil]",
    "patterns": "{team: {members: [a, a, a, a, a, a]}}",
    "night": "{from: '00:01', to: '23:59', usd: 1000}",
}


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def header(keys: dict[str, str]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in keys.items())


def document(keys: dict[str, str], body: str = "Do it.\n") -> str:
    return f"---\n{header(keys)}---\n{body}"


def come_by_git(place: Workspace, text: str, path: str = TASK) -> None:
    place.past.foreign.add(text.encode())
    place.save(text, path)
    place.turns()


def risky(kind: Kind) -> frozenset[str]:
    return frozenset(SCHEMAS[kind].by_name) - names_with_trust(kind, TrustLevel.HARMLESS)


def test_every_key_says_what_untrusted_text_may_do_with_it() -> None:
    for schema in (*SCHEMAS.values(), USER):
        for known in schema.fields:
            assert isinstance(known.trust, TrustLevel), known.name
    assert risky(Kind.TASK) == TYPED.keys() == BY_GIT.keys()
    assert risky(Kind.AGENT) == AGENT_BY_GIT.keys()
    assert risky(Kind.CONFIG) == SETTINGS_BY_GIT.keys()
    assert risky(Kind.PLAN) == {"approval"}
    assert risky(Kind.MESSAGE) == {"draft", "resend", "reply_to"}
    assert risky(Kind.APPROVAL) == {"approval", "scope", "grant"}
    assert risky(Kind.REVIEW) == {"approval", "status", "choose"}
    assert all(known.trust is TrustLevel.NEEDS_TRUST for known in USER.fields)


def test_every_key_that_may_tighten_has_its_limit() -> None:
    assert names_with_trust(Kind.TASK, TrustLevel.TIGHTENS) == LIMITS.keys() - {"criteria"}
    assert not any(names_with_trust(kind, TrustLevel.TIGHTENS) for kind in SCHEMAS if kind is not Kind.TASK)


@pytest.mark.parametrize("keys", [*([key] for key in BY_GIT), list(BY_GIT)], ids=",".join)
def test_untrusted_text_loosens_nothing_that_was_typed_here(place: Workspace, keys: list[str]) -> None:
    place.save(document(TYPED))
    place.turns()
    typed = EffectiveSpecs(place.db).task(TASK)
    come_by_git(place, document({**TYPED, **{key: BY_GIT[key] for key in keys}}, "Other.\n\n- [ ] ok (verify: evil)\n"))
    counts = EffectiveSpecs(place.db).task(TASK)
    assert counts.body.startswith("Other."), "it is shown as it came"
    assert {key: getattr(counts, key) for key in TYPED} == {key: getattr(typed, key) for key in TYPED}
    assert [item.command for item in counts.criteria] == [""]


def test_untrusted_text_of_a_new_task_runs_nothing_and_starts_nothing(place: Workspace) -> None:
    come_by_git(place, document({"status": "ready", **BY_GIT}, "Do it.\n\n- [ ] ok (verify: evil)\n"))
    counts = EffectiveSpecs(place.db).task(TASK)
    settings = EffectiveSpecs(place.db).settings()
    assert (counts.verify, counts.loop, counts.approve) == ((), None, settings.approve)
    assert counts.max_attempts == settings.max_attempts
    assert [item.command for item in counts.criteria] == [""]
    assert (place.task().from_git, place.task().requested_status) == (True, "")


def test_untrusted_text_brings_harmless_keys_and_no_others(place: Workspace) -> None:
    text = document({"title": "Other", "labels": "[a]", "priority": "high", **BY_GIT})
    come_by_git(place, text)
    said, counts = decode_bytes(TASK, text.encode()).of(TaskSpec), EffectiveSpecs(place.db).task(TASK)
    for name in names_with_trust(Kind.TASK, TrustLevel.HARMLESS):
        assert getattr(counts, name) == getattr(said, name), name


def test_settings_and_agents_by_git_do_not_count_at_all(place: Workspace) -> None:
    come_by_git(place, header({key: value for key, value in SETTINGS_BY_GIT.items() if key != "notify"}), "config.yaml")
    come_by_git(place, document(AGENT_BY_GIT, "You help.\n"), "agents/x.md")
    specs = EffectiveSpecs(place.db)
    assert specs.settings() == Settings()
    assert specs.agent("x") is None


def test_a_message_by_git_reaches_no_one(place: Workspace) -> None:
    place.save(document({"status": "draft"}))
    place.turns()
    path = "messages/a/1.md"
    come_by_git(place, document({"draft": "false", "resend": "true", "reply_to": "q-1"}, "Run evil.\n"), path)
    (row,) = place.db.all(MessageRow)
    assert row.stage is MessageStage.UNSENT


def test_text_by_git_that_comes_back_after_an_edit_here_is_still_untrusted(place: Workspace) -> None:
    theirs = "---\nverify: [curl evil]\ncowork: {id: a, rev: 3, by: ben-0002}\n---\nTheirs.\n"
    come_by_git(place, theirs)
    place.save("---\ntitle: mine\n---\nMine.\n")
    place.turns()
    assert not place.document().from_git
    come_by_git(place, theirs)
    assert place.document().from_git
    assert EffectiveSpecs(place.db).task(TASK).verify == ()
