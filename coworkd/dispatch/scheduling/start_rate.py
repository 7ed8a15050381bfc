"""How many runs may start within a second, so that nothing that makes tasks can make a storm of starts.

No I/O, no clock.
"""

from __future__ import annotations

from collections import deque

from coworkd.dispatch.scheduling.plan_inputs import StartAllowance

FEWEST_AT_ONCE, MOST_AT_ONCE = 4, 16
"""Starts of one turn, which are recorded together: none of them has its slot prepared before the last is recorded."""

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

    def allowance(self, now: float, preparing: int) -> StartAllowance:
        """How many more may start now, and when that will be more.

        `preparing`: runs whose slots are being prepared. The first few start alone, so that work on their slots begins
        while the next ones, which are more each time, are recorded.
        """
        while self._starts and not now - WINDOW < self._starts[0][0] <= now:
            self._starts.popleft()  # also where the clock was set back
        used = sum(count for _, count in self._starts)
        left, at_once = max(MAX_STARTS - used, 0), min(max(preparing, FEWEST_AT_ONCE), MOST_AT_ONCE)
        if left > at_once:
            return StartAllowance(max_starts=at_once, until=now)
        return StartAllowance(max_starts=left, until=self._starts[0][0] + WINDOW)
