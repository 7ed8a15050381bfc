"""What agents are told while no person is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import Asked, AskKind, Assignment, Ended, EndReason, TextWritten
from coworkd.agents.testing import Script, ScriptSteps
from coworkd.agents.worker_commands import GiveAnswer
from coworkd.board.views.report import read_report
from coworkd.core.model import Status
from coworkd.core.nights import clock_text
from coworkd.store import RequestState
from tests.integration.dispatchkit import Bench

HOUR = 3600.0
QUESTION = Asked(request="q", kind=AskKind.QUESTION, text="Which colour?")
INSTALL = Asked(request="p", kind=AskKind.PERMISSION, text="I want it", tool="run", arguments="npm install a")
ERASE = Asked(request="p", kind=AskKind.PERMISSION, text="I want it", tool="run", arguments="sudo rm -rf /")
WORDS = (
    'No one is here: choose the most reversible option, go on, and list it in your reply under a heading "Assumptions".'
)


def asks(*asked: Asked) -> Script:
    """Asks one after the other, and says what it was told."""

    def script(_: Assignment) -> ScriptSteps:
        for one in asked:
            word = yield one
            answer = word.answer if isinstance(word, GiveAnswer) else None
            while answer is None:
                word = yield None
                answer = word.answer if isinstance(word, GiveAnswer) else None
            yield TextWritten(text=f"[{answer.decision} {answer.comment}{answer.body}]")

    return script


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, asks(QUESTION))
    bench.agent()
    yield bench
    bench.close()


def night(bench: Bench, begins_in: float = -HOUR) -> None:
    begin, end = clock_text(bench.now + begins_in), clock_text(bench.now + begins_in + 8 * HOUR)
    bench.config(f"night: {{from: {begin}, to: {end}}}\n")


def until(bench: Bench) -> None:
    bench.config("")
    with bench.db.write():
        bench.db.state.until = bench.now + 8 * HOUR


@pytest.mark.parametrize("in_force", [night, until])
def test_a_question_gets_the_answer_of_the_night_at_once(bench: Bench, in_force: object) -> None:
    assert callable(in_force)
    in_force(bench)
    bench.task()
    bench.turn()
    bench.turn()
    (run,) = bench.runs()
    assert run.reply == f"[reply {WORDS}]"
    (request,) = bench.requests()
    assert (request.state, request.answered_by) == (RequestState.USED, "night")
    (question,) = (bench.place.root / "messages/a").glob("*question-1.md")
    assert question.read_text().endswith(f"Which colour?\n\n## Answer\n\n{WORDS}\n")
    assert bench.events("asked") == [], "no person was asked"


@pytest.mark.parametrize("asked", [INSTALL, ERASE])
def test_a_permission_outside_of_the_grants_is_rejected_at_once(bench: Bench, asked: Asked) -> None:
    bench.script = asks(asked)
    night(bench)
    bench.task()
    bench.turn()
    bench.turn()
    (run,) = bench.runs()
    assert run.reply == "[rejected no one is here to allow this; go on without it]"
    assert not list(bench.place.root.glob("approvals/*")), "no form waits for a person"
    assert bench.status() is not Status.WAITING


def test_what_a_grant_or_a_rule_allows_is_allowed_at_night_too(bench: Bench) -> None:
    bench.agent(tools='{allow: ["run(npm install *)"]}')
    bench.script = asks(INSTALL)
    night(bench)
    bench.task()
    bench.turn()
    bench.turn()
    (run,) = bench.runs()
    assert run.reply.startswith("[approved ")


def test_by_day_a_person_is_asked(bench: Bench) -> None:
    night(bench, begins_in=2 * HOUR)
    bench.task()
    bench.turn()
    assert bench.status() is Status.WAITING
    assert [request.state for request in bench.requests()] == [RequestState.OPEN]


@pytest.mark.parametrize("asked", [QUESTION, INSTALL])
def test_what_waits_for_a_person_in_the_evening_is_answered_when_the_night_begins(bench: Bench, asked: Asked) -> None:
    bench.script = asks(asked)
    night(bench, begins_in=2 * HOUR)
    bench.task()
    bench.turn()
    assert bench.status() is Status.WAITING
    bench.turn(2 * HOUR + 60)
    bench.turn()
    (run,) = bench.runs()
    assert run.reply.startswith("[reply No one is here" if asked is QUESTION else "[rejected no one is here")
    assert bench.status() is not Status.WAITING


def test_the_form_of_the_evening_says_what_was_answered_and_a_late_approval_changes_nothing(bench: Bench) -> None:
    bench.script = asks(INSTALL)
    night(bench, begins_in=2 * HOUR)
    bench.task()
    bench.turn()
    bench.turn(2 * HOUR + 60)
    bench.turn()
    form = bench.place.text("approvals/a-1.md")
    assert "\napproval: rejected\n" in form
    assert "\ncomment: no one is here to allow this; go on without it\n" in form
    assert "\n  state: used\n" in form
    assert bench.place.problems("approvals/a-1.md") == {}
    bench.place.save(form.replace("approval: rejected", "approval: approved"), "approvals/a-1.md")
    bench.turn()
    (request,) = bench.requests()
    assert (request.state, request.answer) == (RequestState.USED, "rejected")


def test_an_agent_that_left_with_its_question_is_begun_again_with_the_answer(bench: Bench) -> None:
    def leaves(_: Assignment) -> ScriptSteps:
        yield QUESTION
        yield Ended(reason=EndReason.UNAVAILABLE, undelivered_requests=("q",))

    bench.script = leaves
    night(bench)
    bench.task()
    bench.turn()
    bench.script = asks()
    bench.turn()
    bench.turn()
    assert [order.inbox[0].text.count(WORDS) for order in bench.given[1:]] == [1]


def test_the_report_lists_assumptions_and_the_questions_that_were_answered_so(bench: Bench) -> None:
    def works(_: Assignment) -> ScriptSteps:
        yield QUESTION
        yield TextWritten(text="Done.\n\n## Assumptions\n\n- blue\n")

    bench.script = works
    night(bench)
    began = bench.now
    bench.task()
    bench.turn()
    bench.turn()
    found = [(one.task, one.why) for one in read_report(bench.db, began, bench.now).assumptions]
    assert found == [("a", "blue"), ("a", "asked, with no one here to answer: Which colour?")]
