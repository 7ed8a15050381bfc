"""Starts wait, with words, while the files of the workspace take more than the settings allow."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from coworkd.board.measured_disk import save_measured_disk
from coworkd.core.disk_use import DiskUse
from coworkd.core.model import Status
from tests.integration.dispatchkit import Bench, says

GB = 1_000_000_000


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    bench = Bench(tmp_path, says())
    bench.config("limits: {disk: 2GB}\n")
    bench.agent("main")
    yield bench
    bench.close()


def measured(bench: Bench, total: int) -> None:
    with bench.db.write():
        save_measured_disk(bench.db, DiskUse(slots=total, gates=0, caches=0, other=0, at=bench.now))


@pytest.mark.parametrize("how", ["something was removed", "the bound was raised", "there is no bound any more"])
def test_nothing_starts_until_there_is_space_again(bench: Bench, how: str) -> None:
    measured(bench, 3 * GB)
    bench.task("a")
    bench.turn(2.0)
    bench.turn(30.0)
    assert bench.given == []
    assert bench.status() is Status.READY
    assert bench.why("a").startswith(
        "waits for disk space: slots, gates, caches and logs of this workspace take 3.0 GB"
    )
    match how:
        case "something was removed":
            measured(bench, GB)
        case "the bound was raised":
            bench.config("limits: {disk: 4GB}\n")
        case _:
            bench.config("")
    bench.turn(2.0)
    bench.turn(30.0)
    assert len(bench.given) == 1


def test_nothing_waits_before_anything_was_measured(bench: Bench) -> None:
    bench.task("a")
    bench.turn(2.0)
    bench.turn(2.0)
    assert len(bench.given) == 1
