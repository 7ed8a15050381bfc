"""Time, as a port: the only place that reads the machine's clock.

Two sides are real: `SystemClock` for the daemon, `ManualClock` for tests and the simulator.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Seconds since the epoch. Never steps back within one process."""

    def now(self) -> float: ...


class SystemClock:
    """Wall time at start, advanced by the monotonic clock, so that a clock set back revives nothing."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        ahead = time.time() - time.monotonic()
        self._offset = max(self._offset, ahead)
        return time.monotonic() + self._offset


class ManualClock:
    """A clock that moves when it is told to."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward; a negative step is refused."""
        if seconds < 0:
            raise ValueError("a clock does not go back")
        self._now += seconds


class TimeSlice:
    """A part of something longer, which ends after some seconds of a clock: what is left is done in the next one."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._end = clock.now() + seconds

    def is_over(self) -> bool:
        return self._clock.now() >= self._end


def stamp(now: float) -> str:
    """`YYYYMMDDTHHMMSSZ`, the form that file names carry."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")


def iso(now: float) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ`, the form that frontmatter and JSON carry."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
