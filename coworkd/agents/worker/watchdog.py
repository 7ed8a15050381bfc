"""The two clocks of a run: how long it has worked, and how long it has been silent.

Pure: time is handed in (monotonic seconds). Both clocks stand still while the agent waits for a person.
"""

from __future__ import annotations

from coworkd.agents.port import EndReason


class Watchdog:
    """Says when a run has used its time."""

    def __init__(self, *, timeout: float, stall: float, now: float) -> None:
        self._timeout = timeout
        self._stall = stall
        self._last = now
        self.worked_seconds = 0.0
        self._silent = 0.0

    def record_activity(self) -> None:
        """The agent was active."""
        self._silent = 0.0

    def check(self, now: float, *, waiting: bool) -> EndReason | None:
        """Account for the time since the last check; the reason to end the run now, if there is one."""
        if not waiting:
            self.worked_seconds += now - self._last
            self._silent += now - self._last
        self._last = now
        if self.worked_seconds >= self._timeout:
            return EndReason.TIMED_OUT
        return EndReason.STALLED if self._silent >= self._stall else None

    def explain(self, reason: EndReason) -> str:
        """Why the run ends."""
        if reason is EndReason.TIMED_OUT:
            return f"worked for {self._timeout:g} s, which is its limit (`timeout`)"
        return f"printed nothing for {self._stall:g} s, which is its limit (`stall`)"
