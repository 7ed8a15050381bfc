"""When the slots of runs that have ended are emptied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.dispatch.executors.slot_results import FinishRequest, SavedWork
from tests.integration.dispatchkit import Bench, says


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, says())
    made.agent()
    yield made
    made.close()


def test_a_slot_is_emptied_when_its_run_has_ended(bench: Bench) -> None:
    bench.task()
    bench.turn()
    (run,) = bench.ended()
    assert [(one.slot, one.run) for one in bench.emptied] == [(run.slot.number, run.id)]


def test_a_slot_that_the_next_run_takes_at_once_is_left_to_it(bench: Bench) -> None:
    bench.config("concurrency: 1\n")
    for name in "abc":
        bench.task(name)
    bench.turn()
    runs = [run for name in "abc" for run in bench.ended(name)]
    assert {run.slot.number for run in runs} == {1}
    assert len(bench.emptied) == 1
    assert bench.emptied[0].run in {run.id for run in runs}


def test_work_that_could_not_be_kept_stays_where_its_message_says(bench: Bench) -> None:
    def unusable(_: FinishRequest) -> SavedWork:
        return SavedWork(unusable_reason="it stays in slot 1")

    bench.made = unusable
    bench.task()
    bench.turn()
    assert bench.ended()
    assert bench.emptied == []
