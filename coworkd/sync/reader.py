"""Reading dirty files: only bytes of a file that stands still count, and what cannot be read is shown as a problem.

A file that cannot be read keeps what it said before in force. It may be a save that is under way, so its error is shown
only after `UNREADABLE_GRACE`, and it is tried again with growing pauses.
"""

from __future__ import annotations

from coworkd.core.errors import DocumentError
from coworkd.store import Database
from coworkd.store.documents import remove_note
from coworkd.store.problems import COPY, READ, has_problem, put_unreadable, remove_problem, unreadable_since
from coworkd.sync.dirty_set import DirtySet
from coworkd.sync.disk.folder import ChangedWhileReading, Content, FileStat, Missing, NotReadable
from coworkd.sync.disk.ports import Files
from coworkd.sync.guards import UNREADABLE_GRACE, settled_at
from coworkd.sync.ingest.missing_files import MissingFiles
from coworkd.sync.stat_cache import StatCache

FIRST_RETRY, MAX_RETRY = 0.1, 30.0
"""Seconds after which a file that could not be read is tried again; then twice as long, and so on, up to the second."""

TORN_RETRY = 0.01
"""Seconds after which a file is read again that changed while it was read."""


class Reader:
    """Reads the dirty files of one workspace; used by the writer thread alone."""

    def __init__(
        self, db: Database, folder: Files, dirty: DirtySet, stats: StatCache, missing_files: MissingFiles
    ) -> None:
        self._db = db
        self._folder = folder
        self._dirty = dirty
        self._stats = stats
        self._missing_files = missing_files
        self._unreadable = unreadable_since(db)

    def read(self, path: str, now: float) -> Content | None:
        """The bytes of a dirty file that stands still; None for any other, of which the next step has been arranged."""
        found = self._folder.stat(path)
        if found is not None and not self._is_settled(path, found, now):
            return None
        read = self._folder.read(path)
        match read:
            case Content():
                return read
            case ChangedWhileReading():
                self._dirty.postpone(path, now + TORN_RETRY)
            case Missing():
                self._dirty.discard(path)
                self.mark_readable(path)
                self._forget_path(path)
                self._missing_files.file_missing(path, now)
            case NotReadable(reason=reason):
                self._dirty.discard(path)
                self._missing_files.file_present(path)
                self._show_unreadable(path, reason, now)
        return None

    def is_unreadable(self, path: str) -> bool:
        return path in self._unreadable

    def mark_readable(self, path: str) -> None:
        """The file can be read: remove the problem that said otherwise."""
        if self._unreadable.pop(path, None) is not None:
            with self._db.write():
                remove_problem(self._db, path, READ)

    def give_up(self, path: str, found: FileStat, error: DocumentError, now: float) -> bool:
        """Whether text that cannot be parsed is shown as a problem; False while it may be a save that is under way.

        A file that was saved a while ago is not being saved.
        """
        first = self._unreadable.setdefault(path, min(now, found.mtime_ns / 1e9))
        if now - first < UNREADABLE_GRACE:
            self._dirty.postpone(path, now + min(UNREADABLE_GRACE / 4, first + UNREADABLE_GRACE - now + 0.001))
            return False
        with self._db.write():
            put_unreadable(self._db, path, error, now)
        return True

    def _is_settled(self, path: str, found: FileStat, now: float) -> bool:
        known = self._stats.last_stat(path)
        in_place = known is not None and known.inode == found.inode
        due = settled_at(found.mtime_ns / 1e9, in_place, self._dirty.noticed_at(path))
        if now >= due:
            return True
        self._dirty.postpone(path, due)
        return False

    def _forget_path(self, path: str) -> None:
        """A file that is gone, and never was a document, has no problems."""
        has_problems = any(has_problem(self._db, path, source) for source in (READ, COPY))
        if self._stats.last_stat(path) is None and not has_problems:
            return
        with self._db.write():
            self._stats.forget(path)
            remove_note(self._db, path)
            for source in (READ, COPY):
                remove_problem(self._db, path, source)

    def _show_unreadable(self, path: str, reason: str, now: float) -> None:
        """The reason may pass without a trace in the file's stat (too many open files), so it is tried again."""
        first = self._unreadable.setdefault(path, now)
        self._dirty.mark_at(path, now, now + min(max(now - first, FIRST_RETRY), MAX_RETRY))
        with self._db.write():
            self._stats.forget(path)
            put_unreadable(self._db, path, DocumentError(f"this file {reason}"), now)
