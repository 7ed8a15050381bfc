"""The two clocks of a run: how long it has worked, and how long it has been silent.

Pure: time is handed in (monotonic seconds). Both clocks stand still while the agent waits for a person, and while the
one who watches was not able to: its process was stopped, or the machine.
"""

from __future__ import annotations

from coworkd.agents.port import EndReason

LATE = 5.0
"""Seconds after a deadline; one who waited for it and wakes later than that was stopped meanwhile."""


class Watchdog:
    """Says when a run has used its time."""

    def __init__(self, *, timeout: float, stall: float, now: float) -> None:
        self._timeout = timeout
        self._stall = stall
        self._last = now
        self._active = now
        self.worked_seconds = 0.0
        self._silent = 0.0

    def record_activity(self, now: float) -> None:
        """The agent was active."""
        self._active = now
        self._silent = 0.0

    def seconds_left(self, now: float, *, waiting: bool) -> float | None:
        """How long to wait until `check` can have something to say, if nothing happens; None: never."""
        return None if waiting else max(0.0, self._last + self._least_left() - now)

    def end_wait(self, now: float, *, waiting: bool) -> None:
        """Account for a wait for something to happen, no longer than `seconds_left`, during which `waiting` held.

        To be called before anything that has happened is looked at. One that took much longer does not count.
        """
        if not waiting and now > self._last + self._least_left() + LATE:
            self._last = now
        self.check(now, waiting=waiting)

    def _least_left(self) -> float:
        return min(self._timeout - self.worked_seconds, self._stall - self._silent)

    def check(self, now: float, *, waiting: bool) -> EndReason | None:
        """Account for the time since the last check; the reason to end the run now, if there is one."""
        if not waiting:
            self.worked_seconds += now - self._last
            self._silent += max(0.0, now - max(self._last, self._active))
        self._last = now
        if self.worked_seconds >= self._timeout:
            return EndReason.TIMED_OUT
        return EndReason.STALLED if self._silent >= self._stall else None

    def explain(self, reason: EndReason) -> str:
        """Why the run ends."""
        if reason is EndReason.TIMED_OUT:
            return f"worked for {self._timeout:g} s, which is its limit (`timeout`)"
        return f"printed nothing for {self._stall:g} s, which is its limit (`stall`)"
