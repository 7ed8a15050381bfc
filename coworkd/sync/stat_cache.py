"""The stats that files were last read with: a file whose stat is the same has not changed since.

Only a stat that was old enough at the time of reading says so. A file that was changed within the granularity of its
times before the read may be changed again without its stat showing it; it is read again a moment later.
"""

from __future__ import annotations

from coworkd.store import Database
from coworkd.store.file_stats import forget_file_stat, load_file_stats, put_file_stat
from coworkd.sync.disk.folder import FileStat

RACY_NS = 20_000_000
"""A file whose times are this close to the read may change again without its stat showing it."""


class StatCache:
    """Kept in memory and, where a stat is old enough, in the database; used by the writer thread alone."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._stats = {path: (FileStat(*values), True) for path, values in load_file_stats(db).items()}

    def is_unchanged(self, path: str, found: FileStat) -> bool:
        """Whether the file at this path is the one that was read."""
        return self._stats.get(path) == (found, True)

    def last_stat(self, path: str) -> FileStat | None:
        """The stat that the file was last read with."""
        known = self._stats.get(path)
        return known[0] if known is not None else None

    def paths(self) -> list[str]:
        return list(self._stats)

    def record(self, path: str, found: FileStat, now: float) -> float | None:
        """The file was read with this stat. Returns when to read it again; None: when its stat changes."""
        changed_ns = max(found.mtime_ns, found.ctime_ns)
        settled = changed_ns + RACY_NS < now * 1e9
        if settled and self.is_unchanged(path, found):
            return None
        self._stats[path] = (found, settled)
        if not settled:
            return changed_ns / 1e9 + 2 * RACY_NS / 1e9
        with self._db.write():
            put_file_stat(self._db, path, found)
        return None

    def forget(self, path: str) -> None:
        """The next look at this path reads it, whatever its stat says."""
        self._stats.pop(path, None)
        with self._db.write():
            forget_file_stat(self._db, path)
