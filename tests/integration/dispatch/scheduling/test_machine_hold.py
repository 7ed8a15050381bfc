"""The machine is in the way of runs: no attempt is used, one problem says why, and they go on when it lets them."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from coworkd.core.machine_faults import FaultKind, MachineFault
from coworkd.core.model import Status
from coworkd.dispatch.executors.slot_results import FinishRequest, FinishResult, Imported, MachineFailed, SavedWork
from coworkd.store import RunState
from coworkd.system.background_jobs import Finished, Jobs
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
    assert run.state is RunState.SUBMITTING
    assert shown(bench) == [str(FULL)]
    bench.turn(30.0)
    bench.turn(30.0)
    (run,) = bench.runs()
    assert (run.state, run.reason) == (RunState.ENDED, "done")
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


def test_a_failure_with_nothing_wrong_here_costs_one(bench: Bench) -> None:
    """The control."""
    bench.script = says(fails(message="cannot write"))
    begin(bench)
    assert bench.place.task("a").failures == 1


def test_the_result_of_a_job_stays_until_it_was_taken() -> None:
    told = threading.Semaphore(0)
    jobs = Jobs(told.release)
    jobs.start("one", lambda: 1)
    jobs.start("two", lambda: 2)
    assert told.acquire(timeout=20)
    assert told.acquire(timeout=20)
    taken: list[int] = []

    def refuse(_: Finished) -> None:
        raise OSError(28, "No space left on device")

    def take(finished: Finished) -> None:
        taken.append(finished.value)

    for _ in range(2):
        with pytest.raises(OSError, match="space"):
            jobs.settle(refuse)
    jobs.settle(take)
    assert sorted(taken) == [1, 2]
    assert not jobs.running()
    jobs.close()
