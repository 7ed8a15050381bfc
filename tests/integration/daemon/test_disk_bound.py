"""Idle slots, gates and caches go, the longest idle first, when they take too much; nothing else does."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from coworkd.core.model import SandboxSpec
from coworkd.daemon.housekeeping.disk_bound import DiskMeasurement, IdleRemoval, MeasureRequest, bound_disk
from coworkd.daemon.slot_jobs import SlotJobs
from coworkd.dispatch.executors.slot_results import SlotReady, SlotRequest
from coworkd.merge.branch_jobs import RunBase
from coworkd.merge.gate_lock import empty_idle_gate, hold_gate
from coworkd.merge.verification import Verification, gate_context, verify
from tests.integration.gitkit import Checkout, checkout

MB = 1_000_000
ORDER = SlotRequest(
    number=1, task="t", run="r1", attempt=1, epoch=0, agent="ed", start_from="", restore="", reviewed=None,
    branch="cowork/integration", target="main", tip="", setup=(), copy=(), sandbox=SandboxSpec(),
)  # fmt: skip


class Place:
    """Two slots, a gate and a cache, each of 2 MB and used one after the other."""

    def __init__(self, root: Path) -> None:
        self.user: Checkout = checkout(root / "repo")
        self.base = self.user.commit("big", {"big.bin": "x" * 2 * MB})
        self.state = root / "state"
        base = RunBase(commit=self.base)
        self.jobs = SlotJobs(self.user.root, self.state, lambda _branches, _needed, _stack: base, threading.Event())
        self.runs: dict[int, str] = {}
        for number in (1, 2):
            self.start(number, f"r{number}")
        self.verify()
        (self.state / "caches/npm").mkdir(parents=True)
        (self.state / "caches/npm/big").write_bytes(b"x" * 2 * MB)
        self.used("slots/2", "gates/1", "slots/1", "caches")

    def start(self, number: int, run: str) -> SlotReady:
        made = self.jobs.prepare(replace(ORDER, number=number, run=run))
        assert isinstance(made, SlotReady), made
        self.runs[number] = run
        return made

    def verify(self) -> None:
        gate = self.state / "gates/1"
        context = gate_context(gate, marker="gate-x", repo_mark="x", timeout=60)
        with self.user.open() as repo:
            assert all(
                check.green for check in verify(repo, gate, self.base, Verification(commands=("true",)), context)
            )

    def used(self, *names: str) -> None:
        """Each is used after the one before."""
        for at, name in enumerate(names, 1000):
            for path in (self.state / name, *(self.state / name).glob("*")):
                os.utime(path, (at, at), follow_symlinks=False)

    def bound(self, limit: int | None, *, busy: tuple[int, ...] = ()) -> DiskMeasurement:
        idle = {number: run for number, run in self.runs.items() if number not in busy}
        removal = IdleRemoval(slot=self.jobs.remove_idle, gate=self.empty_gate, caches=self.jobs.remove_caches)
        return bound_disk(
            self.state, MeasureRequest(limit=limit, slots=idle, caches_idle=not busy, now=5.0), removal
        )  # fmt: skip

    def empty_gate(self, name: str) -> bool:
        return empty_idle_gate(self.state / "gates" / name, "gate-x")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_it_is_measured_and_within_its_bound_nothing_goes(place: Place) -> None:
    found = place.bound(100 * MB)
    assert found.removed == ()
    assert (found.use.slots > 4 * MB, found.use.gates > 2 * MB, found.use.caches > 2 * MB) == (True, True, True)
    assert found.use.at == 5.0
    assert place.bound(None).removed == ()


def test_what_was_idle_for_longest_goes_first_and_no_more_than_it_takes(place: Place) -> None:
    total = place.bound(None).use.total
    found = place.bound(total - 1)
    assert found.removed == ("slots/2",)
    assert found.use.total < total - MB
    assert not (place.state / "slots/2").exists()
    assert (place.state / "slots/1/work/big.bin").exists()


def test_everything_that_is_idle_goes_if_that_is_what_it_takes(place: Place) -> None:
    assert place.bound(1).removed == ("slots/2", "gates/1", "slots/1", "caches")
    assert not (place.state / "gates/1/repo").exists()
    place.verify()
    place.start(1, "r3")


def test_what_is_in_use_stays(place: Place) -> None:
    with hold_gate(place.state / "gates/1", "gate-x", lambda: False):
        assert place.bound(1, busy=(2,)).removed == ("slots/1",)
    assert (place.state / "slots/2/work/big.bin").exists()
    assert (place.state / "gates/1/repo").exists()
    assert (place.state / "caches/npm/big").exists()


def test_a_slot_that_a_run_takes_meanwhile_stays(place: Place) -> None:
    before = dict(place.runs)
    place.start(2, "r9")
    place.runs = before
    assert "slots/2" not in place.bound(1).removed
    assert (place.state / "slots/2/work/big.bin").exists()


def test_the_work_in_a_slot_is_kept_before_it_goes(place: Place) -> None:
    (place.state / "slots/2/work/new.txt").write_text("new\n")
    place.used("slots/2", "gates/1", "slots/1", "caches")
    assert "slots/2" in place.bound(1).removed
    (kept,) = place.user.git("for-each-ref", "--format=%(refname)", "refs/cowork/snap/t").splitlines()
    assert place.user.git("show", f"{kept}:new.txt") == "new"


def test_a_slot_that_was_set_aside_is_no_ones_to_remove(place: Place) -> None:
    (place.state / "slots/2").rename(place.state / "slots/2.broken-1")
    place.runs.pop(2)
    place.bound(1)
    assert (place.state / "slots/2.broken-1/work/big.bin").exists()
