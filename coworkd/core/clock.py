"""Time, as a port: the only place that reads the machine's clock.

Two sides are real: `SystemClock` for the daemon, `ManualClock` for tests and the simulator.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

TOLERANCE = 1.0
"""Seconds by which the wall clock may be set without anything being moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOrigin:
    """What a clock counts from: two clocks of one boot differ by the difference of their offsets."""

    boot: str
    """Identifies the start of the machine; empty: not known."""
    offset: float
    """What the clock shows beyond the seconds since that start."""


class Clock(Protocol):
    """Seconds since the epoch."""

    def now(self) -> float:
        """Advances with the time that passes, whatever the wall clock is set to."""
        ...

    def realign(self) -> float:
        """Take over what the wall clock was set to; the seconds by which `now` has moved, 0 where it was not set."""
        ...

    def origin(self) -> ClockOrigin: ...


def elapsed_time() -> float:
    """Seconds that have passed since the machine was started, suspended ones included."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SystemClock:
    """Wall time as it is at the beginning and at each `realign`, advanced by the time that has passed since."""

    def __init__(
        self, boot: str = "", *, wall: Callable[[], float] = time.time, elapsed: Callable[[], float] = elapsed_time
    ) -> None:
        """`boot` identifies the start of the machine."""
        self._boot, self._wall, self._elapsed = boot, wall, elapsed
        self._offset = wall() - elapsed()

    def now(self) -> float:
        return self._elapsed() + self._offset

    def realign(self) -> float:
        step = self._wall() - self.now()
        if abs(step) <= TOLERANCE:
            return 0.0
        self._offset += step
        return step

    def origin(self) -> ClockOrigin:
        return ClockOrigin(boot=self._boot, offset=self._offset)


class ManualClock:
    """A clock that moves when it is told to."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._set_by = self._offset = 0.0

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Time passes; a negative step is refused."""
        if seconds < 0:
            raise ValueError("a clock does not go back")
        self._now += seconds

    def set_wall(self, seconds: float) -> None:
        """The wall clock is set forward, or back where this is negative: seen at the next `realign`."""
        self._set_by += seconds

    def realign(self) -> float:
        step, self._set_by = self._set_by, 0.0
        self._offset += step
        self._now += step
        return step

    def origin(self) -> ClockOrigin:
        return ClockOrigin(boot="manual", offset=self._offset)


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
