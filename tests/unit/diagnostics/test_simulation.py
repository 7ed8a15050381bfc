"""Sync under simulation: many seeds, named histories, the same trace again, and every guard missed when it is gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coworkd.cli.simulate import first_failing
from coworkd.diagnostics.simulation.controls import Guard
from coworkd.diagnostics.simulation.disk import Disk
from coworkd.diagnostics.simulation.faults import Crash, Faults
from coworkd.diagnostics.simulation.histories import generate
from coworkd.diagnostics.simulation.named_histories import NAMED
from coworkd.diagnostics.simulation.player import play
from coworkd.diagnostics.simulation.shrinking import minimise
from coworkd.diagnostics.simulation.steps import History, Step, Verb

SEEDS = 2000
CHUNK = 100
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("start", range(0, SEEDS, CHUNK))
def test_every_promise_is_kept(start: int) -> None:
    broken = {seed: found for seed in range(start, start + CHUNK) if (found := play(generate(seed)).failures)}
    assert broken == {}, "coworkd simulate --seed N --minimise shows how"


@pytest.mark.parametrize("name", NAMED)
def test_named_histories(name: str) -> None:
    assert play(NAMED[name]).failures == ()


@pytest.mark.parametrize(
    ("name", "happened"),
    [
        ("crash-after-the-exchange", "kill -9"),
        ("crash-in-recovery", "kill -9"),
        ("save-between-check-and-exchange", "meanwhile"),
        ("stale-save", "exchange tasks/a.md"),
        ("a-read-that-fails-for-a-moment", "exchange tasks/a.md"),
    ],
)
def test_a_named_history_is_about_what_it_says(name: str, happened: str) -> None:
    assert any(line.split(" ", 1)[1].startswith(happened) for line in play(NAMED[name]).trace)


def test_crashes_and_refusals_really_happen() -> None:
    fired = [what for seed in range(60) for what in play(generate(seed)).fired]
    assert {"kill -9", "power loss"} < set(fired)
    assert any("space" in what or "files" in what or "denied" in what for what in fired)


# ---- the same again


def test_a_seed_replays_to_the_same_trace() -> None:
    assert [play(generate(seed)).digest for seed in range(20)] == [play(generate(seed)).digest for seed in range(20)]


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_the_trace_does_not_depend_on_the_process(hash_seed: str) -> None:
    program = (
        "from coworkd.diagnostics.simulation.histories import generate\nfrom coworkd.diagnostics.simulation.player import play\n"
        "print(*(play(generate(seed)).digest for seed in range(12)))"
    )
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.split() == [play(generate(seed)).digest for seed in range(12)]


def test_many_seeds_are_shared_among_processes() -> None:
    command = [sys.executable, "-P", "-m", "coworkd", "simulate", "--seeds", "200", "--jobs", "2", "--json"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(ended.stdout)["seeds"] == 200
    assert first_failing(range(7, 9)) is None


# ---- what a missing guard does


ENOUGH = 600
"""Seeds within which the lack of a guard must show."""


@pytest.mark.parametrize("guard", Guard)
def test_a_missing_guard_is_noticed(guard: Guard) -> None:
    found = next((seed for seed in range(ENOUGH) if play(generate(seed), without=guard).failures), None)
    assert found is not None


def test_a_failing_history_is_shortened_and_still_fails() -> None:
    seed = next(seed for seed in range(ENOUGH) if play(generate(seed), without=Guard.BASES).failures)

    def fails(history: History) -> bool:
        return bool(play(history, without=Guard.BASES).failures)

    short = minimise(generate(seed), fails)
    assert fails(short)
    assert len(short) < len(generate(seed))
    assert not any(fails(short[:at] + short[at + 1 :]) for at in range(len(short)))


def test_shortening_keeps_just_what_is_needed() -> None:
    steps = tuple(Step(verb=Verb.WAIT, salt=number) for number in range(30))
    short = minimise(steps, lambda history: {3, 17} <= {step.salt for step in history})
    assert [step.salt for step in short] == [3, 17]


# ---- its parts


def make_disk() -> Disk:
    return Disk(now=lambda: 100.0, changed=lambda _path: None)


def test_power_loss_takes_what_was_not_synced_and_a_kill_does_not() -> None:
    from random import Random

    disk = make_disk()
    disk.create("a", b"kept")
    disk.sync()
    disk.write(disk.get("a"), b"unsynced")
    assert disk.data("a") == b"unsynced"
    disk.lose_power(Random(0))
    assert disk.data("a") == b"kept"


def test_a_name_that_was_not_synced_may_be_lost() -> None:
    from random import Random

    found: set[bool] = set()
    for seed in range(10):
        disk = make_disk()
        disk.create("a", b"x")
        disk.lose_power(Random(seed))
        found.add("a" in disk.names)
    assert found == {True, False}


def test_inode_numbers_are_used_again_at_once_unless_they_are_held() -> None:
    disk = make_disk()
    first = disk.create("a", b"x").number
    disk.unlink("a")
    disk.sync()
    assert disk.create("b", b"x").number == first
    held = disk.open("b")
    disk.unlink("b")
    disk.sync()
    assert disk.create("c", b"x").number != first
    disk.close(held)
    assert disk.create("d", b"x").number == first


def test_a_crash_comes_at_its_step_and_a_refusal_waits_for_one_that_can_be_refused() -> None:
    faults = Faults()
    faults.crash(2)
    faults.fail(1, 28)
    faults.step(refusable=False)
    with pytest.raises(Crash):
        faults.step(refusable=False)
    with pytest.raises(OSError, match="No space"):
        faults.step(refusable=True)
    assert faults.fired == ["kill -9", "[Errno 28] No space left on device"]
