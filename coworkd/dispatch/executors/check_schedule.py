"""When all workers are checked next, and for how long none could be: the process of the executor was stopped.

Pure: time is handed in (monotonic seconds).
"""

from __future__ import annotations

LATE = 5.0
"""Seconds after which a check that was planned counts as prevented, and not only as delayed by a busy machine."""


class CheckSchedule:
    """Checks at equal intervals."""

    def __init__(self, interval: float, now: float) -> None:
        self._interval = interval
        self.next = now + interval
        self.awake_since = now
        """Since when no check was prevented."""

    def restart(self, now: float) -> None:
        """Until now there was nothing to check."""
        self.next = now + self._interval
        self.awake_since = now

    def is_due(self, now: float) -> bool:
        return now >= self.next

    def begin(self, now: float) -> float:
        """Plan the next check; returns the seconds for which this one was prevented, 0 where it was not."""
        late = now - self.next
        self.next = now + self._interval
        if late <= LATE:
            return 0.0
        self.awake_since = now
        return late
