"""Sessions: told once, kept at once, and taken up again whenever the same agent goes on with the same work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import Asked, AskKind, Assignment, Ended, EndReason, SessionStarted, TextWritten
from coworkd.agents.testing import ScriptSteps
from coworkd.core.model import Status
from coworkd.store import MessageRow, SubmissionState
from tests.integration.dispatchkit import Bench, fails, says

SESSION = SessionStarted(session="s-1")
QUESTION = Asked(request="q", kind=AskKind.QUESTION, text="Which colour?")


def stays(_: Assignment) -> ScriptSteps:
    yield SESSION
    while True:
        yield None


def _stays_without_a_session(_: Assignment) -> ScriptSteps:
    yield TextWritten(text="I begin.")
    while True:
        yield None


_LOST = "This run was interrupted: the daemon or its worker ended before the run did."


def _told(bench: Bench) -> list[str]:
    """What the thread says of interruptions."""
    return [row.body for row in bench.db.all(MessageRow, "path LIKE '%-interrupted-%' ORDER BY path")]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, stays)
    bench.config("")
    bench.agent()
    yield bench
    bench.close()


def begin(bench: Bench, **fields: str) -> None:
    bench.task(**fields)
    bench.turn()
    bench.turn()
    assert bench.given, bench.reason()


def test_a_session_is_kept_as_soon_as_it_is_told(bench: Bench) -> None:
    begin(bench)
    assert bench.given[0].resume == ""
    assert bench.runs()[0].session == "s-1"


def test_a_run_that_was_lost_with_the_daemon_goes_on_in_its_session_and_its_slot(bench: Bench) -> None:
    begin(bench)
    bench.crash()
    bench.turn()
    first, second = bench.given
    assert second.resume == "s-1"
    assert (second.run, second.attempt, second.epoch) == (first.run, 1, 2)
    assert len(bench.slots) == 1, "its slot is as it left it"
    assert "Do it." in first.prompt
    assert "Do it." not in second.follow_up
    assert "Do it." in second.prompt, "should the session turn out to be gone"
    assert bench.status() is Status.RUNNING
    assert _told(bench) == [f"{_LOST}\n\nIt goes on in its session and with its files as they were, as attempt 1.\n"]


def test_a_run_without_a_session_that_was_lost_begins_again(bench: Bench) -> None:
    bench.script = _stays_without_a_session
    begin(bench)
    bench.crash()
    bench.turn()
    (told,) = _told(bench)
    assert told.startswith(f"I begin.\n\n{_LOST}\n\nIts work until then is kept in `refs/cowork/snap/a/1`.\n\n")
    assert told.endswith("It begins again without the files that it had changed, still as attempt 1.\n")
    first, second = bench.given
    assert (second.run, second.resume, second.follow_up) == (first.run, "", "")
    assert "Do it." in second.prompt
    assert len(bench.slots) == 2


def test_a_run_that_gets_lost_while_the_daemon_is_there_goes_on_in_the_next_turn(bench: Bench) -> None:
    begin(bench)
    bench.executor.lose(bench.given[0].run)
    bench.turn()
    first, second = bench.given
    assert len(_told(bench)) == 1
    assert (second.run, second.attempt, second.epoch, second.resume) == (first.run, 1, 2, "s-1")
    assert bench.status() is Status.RUNNING


def test_an_answer_resumes_the_session_of_an_agent_that_left(bench: Bench) -> None:
    bench.script = lambda order: stays(order) if order.resume else _asks_and_leaves(order)
    begin(bench)
    assert bench.status() is Status.WAITING
    bench.place.save("Green.\n", "messages/a/mine.md")
    bench.turn()
    assert bench.given[1].resume == "s-1"
    assert "Which colour?\n\nGreen." in bench.given[1].follow_up
    assert bench.status() is Status.RUNNING


def _asks_and_leaves(_: Assignment) -> ScriptSteps:
    """It is gone just as the answer comes, and cannot have seen it."""
    yield SESSION
    yield QUESTION
    yield Ended(reason=EndReason.UNAVAILABLE, undelivered_requests=("q",))


def test_paused_and_ready_again_goes_on_with_session_and_work(bench: Bench) -> None:
    begin(bench)
    bench.write("tasks/a.md", "status: running", "status: paused")
    bench.turn()
    assert bench.status() is Status.PAUSED
    bench.write("tasks/a.md", "status: paused", "status: ready")
    bench.turn(2)
    first, second = bench.given
    assert (second.resume, second.attempt) == ("s-1", 2)
    assert second.run != first.run
    assert (bench.slots[1].start_from, bench.slots[1].restore) == ("base", f"kept-{first.run}")


@pytest.mark.parametrize("state", ["cancelled", "failed"])
def test_a_new_attempt_by_hand_begins_again(bench: Bench, state: str) -> None:
    if state == "failed":
        bench.script = says(SESSION, fails())
    begin(bench, on_error="skip")
    if state == "cancelled":
        bench.write("tasks/a.md", "status: running", "status: cancelled")
        bench.turn()
    assert bench.status() == state
    bench.write("tasks/a.md", f"status: {state}", "status: ready")
    bench.turn(2)
    assert bench.given[1].resume == ""
    assert bench.slots[1].restore == ""


def test_what_verification_says_is_told_in_the_same_session(bench: Bench) -> None:
    bench.script = says(SESSION, TextWritten(text="done"))
    begin(bench)
    bench.queue(SubmissionState.RED, "FAILED test_colour")
    bench.turn()
    bench.turn(3)
    first, second = bench.given
    assert second.resume == "s-1"
    assert "FAILED test_colour" in second.follow_up
    assert bench.slots[1].restore == f"work-{first.run}"


@pytest.mark.parametrize("reason", [EndReason.FAILED, EndReason.CRASHED, EndReason.TIMED_OUT, EndReason.STALLED])
def test_a_session_that_came_to_a_bad_end_is_not_taken_up_again(bench: Bench, reason: EndReason) -> None:
    bench.script = says(SESSION, fails(reason))
    begin(bench)
    bench.turn(3)
    assert [order.resume for order in bench.given[:2]] == ["", ""]


def test_another_agent_does_not_take_up_the_session(bench: Bench) -> None:
    bench.agent("other")
    begin(bench)
    bench.write("tasks/a.md", "status: running", "status: paused")
    bench.turn()
    bench.write("tasks/a.md", "agent: main", "agent: other")
    bench.write("tasks/a.md", "status: paused", "status: ready")
    bench.turn(2)
    assert bench.given[1].agent.name == "other"
    assert bench.given[1].resume == ""


def test_an_answered_run_waits_for_a_place(bench: Bench) -> None:
    bench.config("concurrency: 1\n")
    bench.script = lambda order: stays(order) if order.resume or order.task == "b" else _asks_and_leaves(order)
    begin(bench)
    bench.task("b")
    bench.turn(2)
    assert bench.status("b") is Status.RUNNING
    bench.place.save("Green.\n", "messages/a/mine.md")
    bench.turn()
    assert "waits for a free place: 1 of 1" in bench.reason()
    assert len(bench.given) == 2
    bench.write("tasks/b.md", "status: running", "status: cancelled")
    bench.turn()
    assert bench.status() is Status.RUNNING
    assert bench.given[2].resume == "s-1"
