"""How far a yes reaches, and which calls need nobody's word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import AnswerDecision, Asked, AskKind, Assignment, TextWritten
from coworkd.agents.testing import Script, ScriptSteps
from coworkd.agents.worker_commands import GiveAnswer
from coworkd.core.model import Status
from coworkd.store import RequestState
from tests.integration.dispatchkit import Bench

FORM = "approvals/a-1.md"


def asks(*calls: str, tool: str = "run") -> Script:
    """Asks for each call in turn, and says what it was told."""

    def script(_: Assignment) -> ScriptSteps:
        for number, call in enumerate(calls):
            text = f"I want: {call}"
            word = yield Asked(request=f"p{number}", kind=AskKind.PERMISSION, text=text, tool=tool, arguments=call)
            answer = word.answer if isinstance(word, GiveAnswer) else None
            assert answer is not None
            yield TextWritten(text=f"[{call}: {answer.decision} {answer.comment}]")

    return script


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, asks("npm install a", "npm install b", "npm test"))
    bench.agent()
    yield bench
    bench.close()


def begin(bench: Bench, **fields: str) -> None:
    bench.task(**fields)
    bench.turn()
    bench.turn()


def approve(bench: Bench, path: str = FORM, **lines: str) -> None:
    text = bench.place.text(path)
    for key, value in {"approval": "approved", **lines}.items():
        kept = [line for line in text.split("\n") if line.startswith(f"{key}:")]
        text = (
            text.replace(kept[0], f"{key}: {value}", 1) if kept else text.replace("---\n", f"---\n{key}: {value}\n", 1)
        )
    bench.place.save(text, path)
    bench.turn()


def open_requests(bench: Bench) -> list[str]:
    return [request.arguments for request in bench.requests() if request.state is RequestState.OPEN]


def said(bench: Bench) -> str:
    return bench.runs()[-1].reply


def test_the_form_offers_a_grant_and_an_approval_counts_once(bench: Bench) -> None:
    begin(bench)
    assert "scope: once" in bench.place.text(FORM)
    assert "grant: run(npm install *)" in bench.place.text(FORM)
    approve(bench)
    assert open_requests(bench) == ["npm install b"]


def test_an_approval_for_the_task_settles_its_later_calls_and_attempts(bench: Bench) -> None:
    begin(bench)
    approve(bench, scope="task")
    assert open_requests(bench) == ["npm test"]
    assert "[npm install b: approved granted: `run(npm install *)`]" in said(bench)
    answered = {request.arguments: request.answered_by for request in bench.requests()}
    assert answered == {"npm install a": "file", "npm install b": "policy", "npm test": ""}
    approve(bench, "approvals/a-2.md")
    bench.script = asks("npm install c")
    bench.place.save("Once more.\n", "messages/a/more.md")
    bench.write("tasks/a.md", "status: running", "status: cancelled")
    bench.turn()
    bench.write("tasks/a.md", "status: cancelled", "status: ready")
    bench.turn(2)
    assert bench.given[-1].granted == ("run(npm install *)",)
    assert "[npm install c: approved" in said(bench)
    assert open_requests(bench) == []


def test_an_approval_for_the_task_does_not_reach_another_task(bench: Bench) -> None:
    begin(bench)
    approve(bench, scope="task")
    bench.task("b")
    bench.turn(2)
    assert bench.status("b") is Status.WAITING


def test_an_approval_for_always_counts_for_this_agent_from_now_on(bench: Bench) -> None:
    begin(bench)
    approve(bench, scope="always")
    assert bench.events("granted")[0]["pattern"] == "run(npm install *)"
    bench.agent("other")
    bench.script = asks("npm install z")
    bench.task("b")
    bench.task("c", agent="other")
    bench.crash()
    bench.turn(2)
    assert [order.granted for order in bench.given if order.task in "bc"] == [("run(npm install *)",), ()]
    assert bench.status("b") is Status.RUNNING
    assert bench.status("c") is Status.WAITING


def test_a_person_may_narrow_the_grant(bench: Bench) -> None:
    begin(bench)
    approve(bench, scope="task", grant="run(npm install a)")
    assert open_requests(bench) == ["npm install b"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ({"scope": "task", "grant": "run(yarn *)"}, "does not cover `run(npm install a)`"),
        ({"grant": "run(yarn *)"}, "does not cover"),
        ({"scope": "always", "grant": "everything"}, "is no pattern; write one such as `run(npm install *)`"),
        ({"scope": "task", "grant": "write"}, "does not cover"),
        ({"scope": "task", "grant": "run(npm install *"}, "is no pattern"),
    ],
)
def test_a_grant_that_does_not_fit_holds_the_answer(bench: Bench, lines: dict[str, str], words: str) -> None:
    begin(bench)
    approve(bench, **lines)
    assert words in bench.place.problems(FORM)["answer"]
    assert bench.status() is Status.WAITING
    assert bench.db.scalar("SELECT count(*) FROM grants") == 0
    approve(bench, scope="once", grant="run(npm install *)")
    assert open_requests(bench) == ["npm install b"]
    assert "answer" not in bench.place.problems(FORM)


def test_a_tool_without_a_common_name_can_only_be_allowed_once(bench: Bench) -> None:
    bench.script = asks("x", "x", tool="teleport")
    begin(bench)
    assert "grant:" not in bench.place.text(FORM)
    approve(bench, scope="always")
    assert "is no tool that a grant can be about" in bench.place.problems(FORM)["answer"]
    approve(bench, scope="once")
    assert bench.status() is Status.WAITING
    assert len(bench.requests()) == 2


@pytest.mark.parametrize(
    ("tools", "call", "decision"),
    [
        ("{allow: ['run(npm *)']}", "npm install a", AnswerDecision.APPROVED),
        ("{deny: ['run(npm *)']}", "npm install a", AnswerDecision.REJECTED),
        ("{allow: [run], deny: ['run(rm *)']}", "true && rm -rf x", AnswerDecision.REJECTED),
    ],
)
def test_the_agents_own_rules_settle_at_once(bench: Bench, tools: str, call: str, decision: AnswerDecision) -> None:
    bench.agent(tools=tools)
    bench.script = asks(call)
    begin(bench)
    assert f"[{call}: {decision} " in said(bench)
    assert not (bench.place.root / FORM).exists()
    assert bench.events("settled")[0]["answer"] == str(decision)


def test_what_is_denied_stays_denied_whatever_was_granted(bench: Bench) -> None:
    begin(bench)
    approve(bench, scope="always")
    bench.agent(tools="{deny: ['run(npm install *)']}")
    bench.script = asks("npm install b")
    bench.task("b")
    bench.turn(2)
    assert ": rejected the agent's `deny`" in bench.runs("b")[0].reply


def test_the_assignment_says_whether_every_call_is_asked_about(bench: Bench) -> None:
    begin(bench, approve="[tools]")
    assert bench.given[0].ask_tools
    bench.task("b", approve="[merge]")
    bench.turn(2)
    assert not bench.given[1].ask_tools
