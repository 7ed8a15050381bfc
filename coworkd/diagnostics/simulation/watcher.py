"""A watcher that may not be trusted: it drops, doubles, delays and reorders what it hears."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

LONGEST = 3.0
"""Seconds by which an event may be late."""


@dataclass(slots=True)
class SimWatcher:
    """Collects what happened to names until the daemon asks. `chance` decides what becomes of each event."""

    chance: Random
    _heard: list[tuple[float, int, str]] = field(default_factory=list[tuple[float, int, str]])
    _count: int = 0

    def hear(self, path: str, now: float) -> None:
        """Something was changed under this name."""
        if path.rpartition("/")[2].startswith("."):
            return
        fate = self.chance.random()
        if fate < 0.15:
            return
        self._queue(path, now + (self.chance.random() * LONGEST if fate < 0.3 else 0.0003))
        if fate > 0.9:
            self._queue(path, now + self.chance.random() * LONGEST)

    def take(self, now: float) -> list[str]:
        """The paths that have become known by now."""
        due = sorted(item for item in self._heard if item[0] <= now)
        self._heard = [item for item in self._heard if item[0] > now]
        return [path for _, _, path in due]

    def deadline(self) -> float | None:
        return min((at for at, _, _ in self._heard), default=None)

    def _queue(self, path: str, at: float) -> None:
        self._count += 1
        self._heard.append((at, self._count, path))
