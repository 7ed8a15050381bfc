"""The machine is in the way of runs: no attempt is used, one problem says why, and they go on when it lets them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from coworkd.agents.port import Assignment, Ended, EndReason
from coworkd.agents.testing import Script, ScriptSteps
from coworkd.core.machine_faults import FaultKind, MachineFault
from coworkd.core.model import Status
from coworkd.dispatch.executors.slot_results import (
    FinishRequest,
    FinishResult,
    Imported,
    MachineFailed,
    NoChanges,
    SavedWork,
)
from coworkd.store import RunState, SubmissionRow, SubmissionState
from tests.integration.dispatchkit import Bench, fails, says

FULL = MachineFault(kind=FaultKind.DISK_FULL, path="/state", detail="No space left on device")


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    bench = Bench(tmp_path, says())
    bench.config("backoff: 2\n")
    bench.agent("main")
    yield bench
    bench.close()


def begin(bench: Bench) -> None:
    bench.task("a")
    bench.turn()
    bench.turn()


def shown(bench: Bench) -> list[str]:
    return [row["message"] for row in bench.db.query("SELECT message FROM problems WHERE source = 'machine'")]


def test_nothing_starts_while_the_machine_is_at_fault(bench: Bench) -> None:
    bench.fault = FULL
    begin(bench)
    bench.turn(30.0)
    assert bench.given == []
    assert bench.status() is Status.READY
    assert shown(bench) == [str(FULL)]
    bench.fault = None
    bench.turn(30.0)
    assert len(bench.given) == 1
    assert shown(bench) == []


def test_work_that_cannot_be_brought_in_stays_until_it_can(bench: Bench) -> None:
    orders: list[FinishRequest] = []

    def made(order: FinishRequest) -> FinishResult | MachineFailed:
        orders.append(order)
        return MachineFailed(fault=FULL) if len(orders) < 3 else Imported(commit="c", tree="t")

    bench.made = made
    begin(bench)
    (run,) = bench.runs()
    assert run.state.kind is RunState.SUBMITTING
    assert shown(bench) == [str(FULL)]
    bench.turn(30.0)
    bench.turn(30.0)
    (run,) = bench.ended()
    assert (run.state.kind, run.state.reason) == (RunState.ENDED, "done")
    assert len(orders) == 3
    assert len(bench.given) == 1, "the agent is not paid for twice"
    assert shown(bench) == []


def test_what_fails_while_no_file_can_be_written_costs_no_attempt(bench: Bench) -> None:
    bench.script = says(fails(message="cannot write"))
    bench.made = lambda order: _then_full(bench, order)
    begin(bench)
    row = bench.place.task("a")
    assert (row.status, row.failures, row.attempt) == (Status.READY, 0, 0)
    assert "No space left" in row.reason


def _then_full(bench: Bench, order: FinishRequest) -> FinishResult:
    bench.fault = FULL
    return SavedWork(commit=order.run, tree="t")


@pytest.mark.parametrize("reason", [EndReason.FAILED, EndReason.CRASHED, EndReason.TIMED_OUT, EndReason.STALLED])
@pytest.mark.parametrize("seen", ["by the daemon", "by the worker"])
def test_what_fails_when_there_is_space_again_costs_no_attempt(bench: Bench, reason: EndReason, seen: str) -> None:
    fault = str(FULL) if seen == "by the worker" else ""
    bench.script = waits(Ended(reason=reason, message="cannot write", fault=fault))
    begin(bench)
    if not fault:
        passing(bench)
    go(bench)
    row = bench.place.task("a")
    assert (row.status, row.failures, row.attempt) == (Status.READY, 0, 0)
    assert "No space left" in row.reason
    (run,) = bench.ended()
    assert (run.state.kind, run.state.reason) == (RunState.ENDED, "machine")
    bench.script = waits(Ended(reason=reason, message="cannot write"))
    bench.turn(30.0)
    go(bench)
    assert bench.place.task("a").failures == 1, "the next one is its own"


@pytest.mark.parametrize("came", [NoChanges(), SavedWork(unusable_reason="its index is torn", commit="c", tree="t")])
def test_an_agent_that_is_done_but_could_not_write_costs_no_attempt(bench: Bench, came: FinishResult) -> None:
    bench.script, bench.made = waits(Ended(reason=EndReason.DONE)), lambda _: came
    begin(bench)
    passing(bench)
    go(bench)
    row = bench.place.task("a")
    assert (row.status, row.failures, row.attempt) == (Status.READY, 0, 0)
    assert bench.ended()[0].state.reason == "machine"


def test_work_of_a_full_disk_is_verified_and_says_so(bench: Bench) -> None:
    bench.script = waits(Ended(reason=EndReason.DONE))
    begin(bench)
    passing(bench)
    go(bench)
    submission = bench.db.one(SubmissionRow, "task = 'a'")
    assert submission is not None
    assert "No space left" in submission.message
    bench.queue(SubmissionState.RED, "a test fails")
    bench.turn(0.0)
    row = bench.place.task("a")
    assert (row.status, row.failures) == (Status.READY, 0)


@pytest.mark.parametrize("ends", [Ended(reason=EndReason.FAILED), Ended(reason=EndReason.DONE)])
def test_a_round_of_a_loop_under_a_full_disk_is_none(bench: Bench, ends: Ended) -> None:
    bench.script, bench.made = (
        waits(ends),
        lambda order: NoChanges() if order.submit else SavedWork(commit="c", tree="t"),
    )
    bench.task("a", loop="{max_iterations: 1, promise: READY}")
    bench.turn()
    bench.turn()
    passing(bench)
    go(bench)
    bench.turn(30.0)
    assert [run.iteration for run in bench.runs()] == [1, 1]
    assert bench.status() is Status.RUNNING


def test_what_fails_before_the_disk_is_full_is_its_own(bench: Bench) -> None:
    bench.script = waits(fails())
    begin(bench)
    go(bench)
    bench.fault = FULL
    bench.turn()
    assert bench.place.task("a").failures == 1


def waits(ended: Ended) -> Script:
    """An agent that ends so as soon as it is told something."""

    def script(_: Assignment) -> ScriptSteps:
        yield None
        yield ended

    return script


def passing(bench: Bench) -> None:
    """The machine is at fault, and soon no more."""
    bench.fault = FULL
    bench.turn()
    bench.fault = None
    bench.turn(30.0)
    assert bench.status() is Status.RUNNING
    assert shown(bench) == []


def go(bench: Bench) -> None:
    assert bench.executor.deliver(bench.runs()[-1].id, "go.md", "go")
    bench.turn()


def test_a_failure_with_nothing_wrong_here_costs_one(bench: Bench) -> None:
    """The control."""
    bench.script = says(fails(message="cannot write"))
    begin(bench)
    assert bench.place.task("a").failures == 1
