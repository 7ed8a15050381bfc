"""Everything around the daemon: time, disk, repository, what the watcher hears, and what people will do later."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from random import Random

from coworkd.core.clock import ManualClock
from coworkd.diagnostics.simulation.disk import Disk
from coworkd.diagnostics.simulation.git import SimGit
from coworkd.diagnostics.simulation.watcher import SimWatcher

Act = Callable[[], None]


class ExternalEditors:
    """One simulated machine without its daemon. Nothing in it draws on anything but `chance`, seeded by each step."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.chance = Random(0)
        self.watcher = SimWatcher(self.chance)
        self.disk = Disk(now=self.clock.now, changed=self._changed)
        self.git = SimGit(self.disk)
        self.trace: list[str] = []
        self._later: list[tuple[float, int, Act]] = []
        self._scheduled = 0

    def note(self, text: str) -> None:
        """Add a line to the trace."""
        self.trace.append(f"{self.clock.now():.6f} {text}")

    def digest(self) -> str:
        """The hash of the trace so far."""
        return sha256("\n".join(self.trace).encode()).hexdigest()[:16]

    # ---- what happens later

    def schedule(self, acts: list[Act], gap: float) -> None:
        """Let these happen one after the other, the first now, each up to `gap` seconds after the one before."""
        at = self.clock.now()
        for act in acts:
            self._scheduled += 1
            self._later.append((at, self._scheduled, act))
            at += self.chance.random() * gap

    def happen(self) -> None:
        """Whatever is due happens now."""
        now = self.clock.now()
        due = sorted((item for item in self._later if item[0] <= now), key=lambda item: item[:2])
        self._later = [item for item in self._later if item[0] > now]
        for _, _, act in due:
            self.by_hand(act)

    def by_hand(self, act: Act) -> None:
        """An operation of another program: refused ones are given up, finished ones are durable."""
        try:
            act()
        except OSError as error:
            self.note(f"an operation was refused: {error.strerror}")
        self.disk.sync()

    def deadline(self) -> float | None:
        return min((at for at, _, _ in self._later), default=None)

    def _changed(self, path: str) -> None:
        self.watcher.hear(path, self.clock.now())
