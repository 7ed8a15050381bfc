"""Saves that a write of the daemon has displaced: nothing a person saved is lost, whichever instant they chose.

They are found right after the write, after a crash in the middle of one, or seconds later where an editor that held the
file open wrote into it when it had already been displaced. While git is still to say where such a save came from, it
stays where it was found, and its file is not read: what was saved later is taken in later.
"""

from __future__ import annotations

from coworkd.documents.decoding import kind_of
from coworkd.store import Database, DocumentRow
from coworkd.store.documents import find_document, has_version
from coworkd.sync.dirty_set import DirtySet
from coworkd.sync.disk.atomic_writer import AtomicWriter
from coworkd.sync.disk.folder import digest
from coworkd.sync.file_content import FileContent
from coworkd.sync.ingest.ingester import Ingester


class DisplacedSaves:
    """Takes displaced saves in; used by the writer thread alone."""

    def __init__(self, db: Database, ingester: Ingester, writer: AtomicWriter, dirty: DirtySet) -> None:
        self._db = db
        self._ingester = ingester
        self._writer = writer
        self._dirty = dirty
        self._unreadable: list[tuple[str, bytes]] = []
        self._unanswered: set[str] = set()
        """Paths whose displaced save waits for an answer of git."""

    def recover(self, now: float) -> None:
        """Finish the writes that were cut short, and take in what they displaced."""
        self._writer.recover(now, lambda path, data: self._take_in(path, data, now))
        self._restore_unreadable(now)

    def take_in_late(self, now: float) -> None:
        """Take in what was written into a displaced file later on.

        Remembered bytes were taken in when they were new: found again in the trash, they are skipped.
        """
        self._writer.check_late_writes(
            now, lambda path, data: has_version(self._db, path, digest(data)) or self._ingest(path, data, now)
        )
        self._restore_unreadable(now)

    def is_waiting(self) -> bool:
        """Whether a save that was displaced waits for an answer of git."""
        return bool(self._unanswered)

    def _take_in(self, path: str, data: bytes, now: float) -> bool:
        """Take a save in, or hold its file until git has answered: once, however often the save is offered."""
        taken, waited = self._ingest(path, data, now), path in self._unanswered
        if not taken and not waited:
            self._unanswered.add(path)
            self._dirty.hold(path)
        elif taken and waited:
            self._unanswered.discard(path)
            self._dirty.release(path)
        return taken

    def _ingest(self, path: str, data: bytes, now: float) -> bool:
        """Take bytes in that are no longer in the file; False when git is still to say where they came from."""
        kind, row = kind_of(path), find_document(self._db, path)
        if kind is None or row is None:
            return True
        result = self._ingester.ingest([FileContent.of(path, kind, data, now)], now)
        if result.unanswered:
            return False
        if result.refused:
            self._unreadable.append((path, data))
            return True
        with self._db.write():
            self._db.set(DocumentRow, path, disk_sha=row.disk_sha)
        return True

    def _restore_unreadable(self, now: float) -> None:
        """Write displaced saves that cannot be read back into their files."""
        unreadable, self._unreadable = self._unreadable, []
        for path, data in unreadable:
            row = find_document(self._db, path)
            if row is not None:
                self._writer.write(path, row.disk_sha, data, now)
                self._dirty.mark(path, now)
