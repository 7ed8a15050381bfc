"""Scans: what events do not tell, or tell too late, is found by looking at every file, or at those of one folder.

A scan reads no file. It compares stats, and finds what is missing by what the database knows of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
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

SECOND_LOOK = 1.0
"""Seconds to a second scan where a folder has just appeared: it may have been filled before it was watched."""

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
        self._second_looks: dict[str, float] = {}
        """When folders are looked at once more."""
        self._last_scan: float | None = None

    def scan(self, now: float, elapsed: Callable[[], float]) -> ScanResult:
        """Every file whose stat is not the one it was taken in with, and every known file that is missing.

        And some that look unchanged: within a day each file is read once, whatever its stat says.
        """
        started = elapsed()
        self._second_looks = {folder: at for folder, at in self._second_looks.items() if at > now}
        changed = self._changed_paths("", now)
        dirty = (*changed, *self._paths_due_for_reread(now))
        seconds = elapsed() - started
        self._next_scan = now + max(MIN_SCAN_INTERVAL, 1000 * seconds)
        return ScanResult(dirty=dirty, changed=len(changed), seconds=seconds)

    def scan_folders(self, folders: Collection[str], now: float) -> list[str]:
        """The same for what is in these folders, which came or went, and in those that are due for a second look."""
        due = {folder for folder, at in self._second_looks.items() if at <= now}
        for folder in due:
            del self._second_looks[folder]
        self._second_looks.update(dict.fromkeys(folders, now + SECOND_LOOK))
        return [path for folder in sorted(due.union(folders)) for path in self._changed_paths(folder, now)]

    def is_due(self, now: float) -> bool:
        return now >= self._next_scan

    def schedule_scan(self, when: float) -> None:
        """Scan no later than then."""
        self._next_scan = min(self._next_scan, when)

    def deadline(self) -> float:
        return min([self._next_scan, *self._second_looks.values()])

    def _changed_paths(self, below: str, now: float) -> list[str]:
        seen: set[str] = set()
        changed: list[str] = []
        cut_short: list[str] = []
        others: list[str] = []
        for path, found in self._folder.walk(below):
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
        self._stray.update(others, now, below)
        changed += [path for path in known_paths(self._db, below) if path not in seen]
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
