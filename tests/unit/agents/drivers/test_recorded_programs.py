"""What real programs said once, heard again by their drivers. `tests.real.record` recorded it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from coworkd.agents.port import (
    AnswerDecision,
    Asked,
    AskKind,
    EndReason,
    ErrorKind,
    ErrorReported,
    InboxAnswer,
    SessionStarted,
    ToolEnded,
    UsageReported,
)
from coworkd.agents.registry import create_agent
from coworkd.core.model import AgentSpec, ToolRules
from tests.sessions import Following, assignment

TESTS = Path(__file__).parents[3]
PROGRAMS = ("claude", "codex")


def follow(tmp_path: Path, driver: str, scene: str) -> Following:
    recording = TESTS / "fixtures" / driver / f"{scene}.log"
    command = (sys.executable, str(TESTS / "playback.py"), str(recording))
    agent = AgentSpec(name="tester", driver=driver, command=command, tools=ToolRules(ask=("run(echo *)",)))
    return Following(create_agent(driver), assignment(tmp_path, "t", agent=agent))


@pytest.mark.parametrize("driver", PROGRAMS)
def test_a_reply(tmp_path: Path, driver: str) -> None:
    run = follow(tmp_path, driver, "says")
    assert run.end().reason is EndReason.DONE
    assert run.text() == "hello"
    assert isinstance(run.seen[0], SessionStarted)
    usages = [event.usage for event in run.seen if isinstance(event, UsageReported)]
    assert (sum(usage.input_tokens for usage in usages), sum(usage.output_tokens for usage in usages)) == (100, 20)


@pytest.mark.parametrize("driver", PROGRAMS)
def test_a_permission(tmp_path: Path, driver: str) -> None:
    run = follow(tmp_path, driver, "permission")
    asked = run.until(Asked)
    assert (asked.kind, asked.tool, asked.arguments) == (AskKind.PERMISSION, "run", "echo made > made.txt")
    run.agent.answer(asked.request, InboxAnswer(decision=AnswerDecision.APPROVED))
    assert run.end().reason is EndReason.DONE
    assert run.text() == "I make it.\n\nIt is made."
    assert [event.ok for event in run.seen if isinstance(event, ToolEnded)] == [True]


def test_a_question(tmp_path: Path) -> None:
    run = follow(tmp_path, "claude", "question")
    asked = run.until(Asked)
    assert (asked.kind, asked.text) == (AskKind.QUESTION, "Which colour?\n\n- Blue: b\n- Red: r")
    run.agent.answer(asked.request, InboxAnswer(decision=AnswerDecision.REPLY, body="deep blue"))
    assert run.end().reason is EndReason.DONE
    answers = [event.output for event in run.seen if isinstance(event, ToolEnded)]
    assert "deep blue" in answers[0]


@pytest.mark.parametrize("driver", PROGRAMS)
@pytest.mark.parametrize(
    ("scene", "kind", "reason"),
    [
        ("rate-limit", ErrorKind.RATE_LIMIT, EndReason.UNAVAILABLE),
        ("overloaded", ErrorKind.OVERLOADED, EndReason.UNAVAILABLE),
        ("quota", ErrorKind.QUOTA, EndReason.UNAVAILABLE),
        ("auth", ErrorKind.AUTH, EndReason.FAILED),
        ("context", ErrorKind.CONTEXT, EndReason.FAILED),
    ],
)
def test_an_error(tmp_path: Path, driver: str, scene: str, kind: ErrorKind, reason: EndReason) -> None:
    run = follow(tmp_path, driver, scene)
    assert run.end().reason is reason
    (error,) = (event for event in run.seen if isinstance(event, ErrorReported))
    assert error.kind is kind
    if (driver, scene) == ("claude", "rate-limit"):
        assert error.retry_after == 2.0
