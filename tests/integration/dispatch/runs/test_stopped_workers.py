from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.core.run_states import RunState
from coworkd.store.problems import problem_paths
from tests.integration.dispatchkit import Bench, stays


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, stays)
    bench.config("")
    bench.agent()
    bench.task()
    bench.turn()
    yield bench
    bench.close()


def _shown(bench: Bench) -> frozenset[str]:
    return frozenset(problem_paths(bench.db, "stopped"))


def test_a_run_whose_worker_is_stopped_says_so_until_it_goes_on(bench: Bench) -> None:
    (order,) = bench.given
    bench.executor.stopped_workers[order.run] = 4711
    bench.turn()
    assert _shown(bench) == {"tasks/a.md"}
    (message,) = [row["message"] for row in bench.db.query("SELECT message FROM problems WHERE source = 'stopped'")]
    assert "`kill -CONT 4711`" in message
    assert bench.runs()[0].state.kind is RunState.WORKING
    bench.executor.stopped_workers.clear()
    bench.turn()
    assert _shown(bench) == frozenset()


def test_what_a_former_daemon_has_shown_is_taken_away(bench: Bench) -> None:
    (order,) = bench.given
    bench.executor.stopped_workers[order.run] = 4711
    bench.turn()
    assert _shown(bench)
    bench.crash()
    assert _shown(bench) == frozenset()
