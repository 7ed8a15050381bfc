"""Starting many runs at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import Assignment
from coworkd.agents.testing import ScriptSteps
from coworkd.core.model import Status
from coworkd.store import RunRow
from tests.integration.dispatchkit import Bench

TASKS = 20


def stays(_: Assignment) -> ScriptSteps:
    while True:
        yield None


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, stays)
    bench.config(f"concurrency: {TASKS}\n")
    bench.agent()
    yield bench
    bench.close()


def test_all_runs_that_begin_in_one_turn_are_one_durable_commit(bench: Bench) -> None:
    for number in range(TASKS):
        bench.task(f"t{number}")
    bench.place.turn(1.0)
    bench.place.now += 1
    bench.dispatch.step(bench.now)
    asked: list[str] = []
    bench.db.connection.set_trace_callback(asked.append)
    bench.dispatch.start(bench.now)
    bench.db.connection.set_trace_callback(None)
    assert len(bench.db.all(RunRow)) == TASKS
    assert asked.count("PRAGMA synchronous=FULL") == 1
    assert asked.count("COMMIT") <= 2, "the runs; why others wait"
    bench.turn()
    assert {bench.status(f"t{number}") for number in range(TASKS)} == {Status.RUNNING}
    assert sorted(order.number for order in bench.slots) == list(range(1, TASKS + 1))
