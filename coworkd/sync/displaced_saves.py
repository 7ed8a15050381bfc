"""Saves that a write of the daemon has displaced: nothing a person saved is lost, whichever instant they chose.

They are found right after the write, after a crash in the middle of one, or seconds later where an editor that held the
file open wrote into it when it had already been displaced.
"""

from __future__ import annotations

from collections.abc import Iterable

from coworkd.documents.decoding import kind_of
from coworkd.store import Database, DocumentRow
from coworkd.store.documents import find_document, has_version
from coworkd.sync.dirty_set import DirtySet
from coworkd.sync.disk.atomic_writer import AtomicWriter
from coworkd.sync.disk.folder import digest
from coworkd.sync.ingest.batch_context import FileContent
from coworkd.sync.ingest.ingester import Ingester


class DisplacedSaves:
    """Takes displaced saves in; used by the writer thread alone."""

    def __init__(self, db: Database, ingester: Ingester, writer: AtomicWriter, dirty: DirtySet) -> None:
        self._db = db
        self._ingester = ingester
        self._writer = writer
        self._dirty = dirty

    def recover(self, now: float) -> None:
        """Finish the writes that were cut short, and take in what they displaced."""
        self._take_in(self._writer.recover(now), now)

    def take_in_late(self, now: float) -> None:
        """Take in what was written into a displaced file later on.

        Remembered bytes were taken in when they were new: found again in the trash, they ask for nothing.
        """
        late = self._writer.late_writes(now)
        self._take_in(((path, data) for path, data in late if not has_version(self._db, path, digest(data))), now)

    def _take_in(self, found: Iterable[tuple[str, bytes]], now: float) -> None:
        """One that cannot be read goes back into its file."""
        for path, data in [(path, data) for path, data in found if not self._ingest(path, data, now)]:
            row = find_document(self._db, path)
            if row is not None:
                self._writer.write(path, row.disk_sha, data, now)
                self._dirty.mark(path, now)

    def _ingest(self, path: str, data: bytes, now: float) -> bool:
        """Take bytes in that are no longer in the file; False when they make no sense."""
        kind, row = kind_of(path), find_document(self._db, path)
        if kind is None or row is None:
            return True
        if self._ingester.ingest([FileContent.of(path, kind, data, now)], now):
            return False
        with self._db.write():
            self._db.set(DocumentRow, path, disk_sha=row.disk_sha)
        return True
