"""A start of a run that was given up reports a result after all: it is refused, its work is kept, and the task is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import Assignment, Ended, EndReason, TextWritten
from coworkd.agents.testing import ScriptSteps
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.store import MessageRow, RunState, SubmissionRow
from tests.integration.dispatchkit import Bench, fails, stays

DONE = Ended(reason=EndReason.DONE)


def _fails_once(order: Assignment) -> ScriptSteps:
    yield fails() if order.attempt == 1 else None
    while True:
        yield None


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, stays)
    bench.config("backoff: 2\n")
    bench.agent()
    bench.task()
    yield bench
    bench.close()


def _given_up(bench: Bench) -> Assignment:
    """The first start of a run that was lost; the second one is at work."""
    bench.turn()
    bench.executor.lose(bench.given[0].run)
    bench.turn()
    first, second = bench.given
    assert (first.run, first.epoch, second.run, second.epoch) == (first.run, 1, first.run, 2)
    return first


def _told(bench: Bench, kind: str) -> list[str]:
    return [row.body for row in bench.db.all(MessageRow, f"path LIKE '%-{kind}-%'")]


def test_what_a_start_that_was_given_up_reports_does_not_count(bench: Bench) -> None:
    first = _given_up(bench)
    bench.executor.report_late(first.run, first.epoch, TextWritten(text="It is all done."))
    bench.executor.report_late(first.run, first.epoch, DONE)
    bench.turn()
    (run,) = bench.runs()
    assert (run.state.kind, run.start.epoch, run.reply) == (RunState.WORKING, 2, "")
    assert bench.db.all(SubmissionRow) == []
    assert bench.executor.alive() == {first.run}
    assert [event["start"] for event in bench.events(EventKind.LATE_END_REFUSED)] == [1]
    (late,) = _told(bench, "late")
    assert "does not count" in late
    (kept,) = _told(bench, "interrupted")
    assert "`refs/cowork/snap/a/1`" in kept


def test_a_control_the_same_report_counts_where_it_is_of_the_start_at_work(bench: Bench) -> None:
    first = _given_up(bench)
    bench.executor.report_late(first.run, 2, DONE)
    bench.turn()
    (run,) = bench.runs()
    assert run.state.kind is RunState.ENDED
    assert [row.run for row in bench.db.all(SubmissionRow)] == [first.run]


def test_what_a_run_reports_after_its_task_was_tried_again_does_not_count(bench: Bench) -> None:
    bench.script = _fails_once
    bench.turn()
    bench.turn(10.0)
    first, second = bench.given
    assert (second.attempt, second.run != first.run) == (2, True)
    bench.executor.report_late(first.run, first.epoch, DONE)
    bench.turn()
    assert [run.state.kind for run in bench.runs()] == [RunState.ENDED, RunState.WORKING]
    assert bench.db.all(SubmissionRow) == []
    assert bench.status() is Status.RUNNING
    assert len(_told(bench, "late")) == 1


def test_a_report_of_a_start_that_another_daemon_gave_up_does_not_count(bench: Bench) -> None:
    bench.turn()
    (first,) = bench.given
    bench.crash()
    bench.turn()
    assert bench.given[1].epoch == 2
    bench.executor.report_late(first.run, first.epoch, DONE)
    bench.turn()
    assert bench.db.all(SubmissionRow) == []
    assert bench.runs()[0].state.kind is RunState.WORKING
