from __future__ import annotations

from dataclasses import dataclass

import pytest

from coworkd.core.clock import TOLERANCE, ClockOrigin, ManualClock, SystemClock, iso, stamp

HOUR = 3600.0


@dataclass
class Machine:
    """A machine that was started 100 s ago, and its wall clock."""

    elapsed: float = 100.0
    wall: float = 1_700_000_000.0

    def pass_time(self, seconds: float) -> None:
        self.elapsed += seconds
        self.wall += seconds

    def clock(self) -> SystemClock:
        return SystemClock("boot", wall=lambda: self.wall, elapsed=lambda: self.elapsed)


def test_the_machines_clock_never_steps_back() -> None:
    clock = SystemClock()
    readings = [clock.now() for _ in range(200)]
    assert readings == sorted(readings)


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_wall_clock_that_is_set_moves_nothing_until_that_is_taken_over(step: float) -> None:
    machine = Machine()
    clock, began = machine.clock(), machine.wall
    machine.wall += step
    machine.pass_time(5.0)
    assert clock.now() == began + 5.0
    assert clock.realign() == step
    assert clock.now() == began + 5.0 + step == machine.wall
    assert clock.realign() == 0.0


def test_a_suspended_machine_is_no_clock_that_was_set() -> None:
    machine = Machine()
    clock, began = machine.clock(), machine.wall
    machine.pass_time(8 * HOUR)
    assert clock.realign() == 0.0
    assert clock.now() == began + 8 * HOUR


def test_small_corrections_are_left_until_they_add_up() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall -= TOLERANCE / 2
    assert clock.realign() == 0.0
    machine.wall -= TOLERANCE
    assert clock.realign() == -1.5 * TOLERANCE


def test_two_clocks_of_one_boot_differ_by_what_the_wall_clock_was_set_by() -> None:
    machine = Machine()
    before = machine.clock().origin()
    machine.pass_time(60.0)
    assert machine.clock().origin() == before
    machine.wall -= HOUR
    assert machine.clock().origin() == ClockOrigin(boot="boot", offset=before.offset - HOUR)


def test_a_manual_clock_moves_when_told() -> None:
    clock = ManualClock(10.0)
    clock.advance(2.5)
    assert clock.now() == 12.5
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)
    assert clock.now() == 12.5
    clock.set_wall(-2.0)
    assert clock.now() == 12.5
    assert (clock.realign(), clock.now(), clock.realign()) == (-2.0, 10.5, 0.0)


def test_times_as_they_are_written() -> None:
    assert stamp(1_700_000_000.9) == "20231114T221320Z"
    assert iso(1_700_000_000.9) == "2023-11-14T22:13:20Z"
