"""How many runs may start within a second, so that nothing that makes tasks can make a storm of starts.

No I/O, no clock.
"""

from __future__ import annotations

from collections import deque

from coworkd.dispatch.scheduling.plan_inputs import StartAllowance

MAX_STARTS = 100
WINDOW = 1.0
"""Seconds in which at most `MAX_STARTS` runs start."""


class StartRate:
    """Remembers the starts of the last window; used by one thread."""

    def __init__(self) -> None:
        self._starts: deque[tuple[float, int]] = deque()

    def record(self, count: int, now: float) -> None:
        """So many runs have started."""
        if count:
            self._starts.append((now, count))

    def allowance(self, now: float) -> StartAllowance:
        """How many more may start now, and when that will be more."""
        while self._starts and not now - WINDOW < self._starts[0][0] <= now:
            self._starts.popleft()  # also where the clock was set back
        used = sum(count for _, count in self._starts)
        until = self._starts[0][0] + WINDOW if self._starts else now
        return StartAllowance(max_starts=max(MAX_STARTS - used, 0), until=until)
