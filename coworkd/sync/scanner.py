"""Full scans: what events do not tell, or tell too late, is found by looking at every file.

A scan reads no file. It compares stats, and finds what is missing by what the database knows of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from coworkd.documents.decoding import kind_of
from coworkd.store import Database
from coworkd.store.documents import known_paths
from coworkd.sync.disk.atomic_writer import AtomicWriter
from coworkd.sync.disk.folder import is_temporary
from coworkd.sync.disk.ports import Files
from coworkd.sync.stat_cache import StatCache
from coworkd.sync.stray import StrayFiles

MIN_SCAN_INTERVAL = 30.0
"""Seconds between full scans at the least; a slow scan stretches this a thousandfold of its own length."""

REREAD_PERIOD = 86400.0
"""Seconds within which every file is read again: a program that sets times back hides its change from every scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """What a scan came to."""

    dirty: tuple[str, ...]
    """Files to look at, in the order in which to take them in."""
    changed: int
    """How many of them are not as they were taken in."""
    seconds: float


class Scanner:
    """Scans one workspace; used by the writer thread alone."""

    def __init__(self, db: Database, folder: Files, stats: StatCache, writer: AtomicWriter, stray: StrayFiles) -> None:
        self._db = db
        self._folder = folder
        self._stats = stats
        self._writer = writer
        self._stray = stray
        self._next_scan = 0.0
        self._last_scan: float | None = None

    def scan(self, now: float, elapsed: Callable[[], float]) -> ScanResult:
        """Every file whose stat is not the one it was taken in with, and every known file that is missing.

        And some that look unchanged: within a day each file is read once, whatever its stat says.
        """
        started = elapsed()
        changed = self._changed_paths(now)
        dirty = (*changed, *self._paths_due_for_reread(now))
        seconds = elapsed() - started
        self._next_scan = now + max(MIN_SCAN_INTERVAL, 1000 * seconds)
        return ScanResult(dirty=dirty, changed=len(changed), seconds=seconds)

    def is_due(self, now: float) -> bool:
        return now >= self._next_scan

    def schedule_scan(self, when: float) -> None:
        """Scan no later than then."""
        self._next_scan = min(self._next_scan, when)

    def deadline(self) -> float:
        return self._next_scan

    def _changed_paths(self, now: float) -> list[str]:
        seen: set[str] = set()
        changed: list[str] = []
        cut_short: list[str] = []
        others: list[str] = []
        for path, found in self._folder.walk():
            if self._stats.is_unchanged(path, found):
                seen.add(path)
            elif kind_of(path) is not None:
                seen.add(path)
                changed.append(path)
            elif is_temporary(path):
                cut_short.append(path)
            else:
                others.append(path)
        # Writes of ours begin and end between two scans.
        self._writer.discard_leftovers(cut_short, now)
        self._stray.update(others, now)
        changed += [path for path in known_paths(self._db) if path not in seen]
        # In the order of the names: it decides between two that claim one id, and which of two messages comes first.
        return sorted(changed, key=lambda path: (path.count("/"), path))

    def _paths_due_for_reread(self, now: float) -> list[str]:
        """The files whose turn it has become since the last scan to be read although nothing seems to have changed."""
        before, self._last_scan = self._last_scan, now
        paths = self._stats.paths()
        if before is None or not paths:
            return []
        first, last = (int(at * len(paths) / REREAD_PERIOD) for at in (before, now))
        return [paths[number % len(paths)] for number in range(max(first, last - len(paths)), last)]
