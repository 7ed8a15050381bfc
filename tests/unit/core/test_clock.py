from __future__ import annotations

import pytest

from coworkd.core.clock import ManualClock, SystemClock, iso, stamp


def test_the_machines_clock_never_steps_back() -> None:
    clock = SystemClock()
    readings = [clock.now() for _ in range(200)]
    assert readings == sorted(readings)


def test_a_manual_clock_moves_when_told() -> None:
    clock = ManualClock(10.0)
    clock.advance(2.5)
    assert clock.now() == 12.5
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)
    assert clock.now() == 12.5


def test_times_as_they_are_written() -> None:
    assert stamp(1_700_000_000.9) == "20231114T221320Z"
    assert iso(1_700_000_000.9) == "2023-11-14T22:13:20Z"
