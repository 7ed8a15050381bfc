"""Writing files that do not hold what they should.

A write goes over exactly the bytes that the database last saw on disk, and nothing else (`disk/atomic_writer.py`). The
bytes are remembered as the daemon's own before the first step, so that a crash in mid-write never makes them look like
a person's save.
"""

from __future__ import annotations

from collections.abc import Callable

from coworkd.core.errors import DocumentError
from coworkd.core.model import Problem
from coworkd.store import Database, DocumentRow
from coworkd.store.documents import unwritten_documents
from coworkd.store.own_bytes import add_own
from coworkd.store.problems import READ, WRITE, put_problem, remove_problem
from coworkd.sync.dirty_set import DirtySet
from coworkd.sync.disk.atomic_writer import AtomicWriter, ConcurrentSave, TargetChanged, WriteRefused
from coworkd.sync.disk.ports import Files
from coworkd.sync.displaced_saves import DisplacedSaves
from coworkd.sync.effective_specs import decoded
from coworkd.sync.ingest.incoming_document import forget_bases, keep_base
from coworkd.sync.merging.three_way import BaseVersion
from coworkd.sync.reader import Reader
from coworkd.sync.stat_cache import RACY_NS

RETRY_AFTER = 5.0
"""Seconds after which a write that the file system refused is tried again."""


class Pusher:
    """Brings the disk up to the database; used by the writer thread alone."""

    def __init__(
        self,
        db: Database,
        folder: Files,
        writer: AtomicWriter,
        dirty: DirtySet,
        reader: Reader,
        displaced: DisplacedSaves,
    ) -> None:
        self._db = db
        self._folder = folder
        self._writer = writer
        self._dirty = dirty
        self._reader = reader
        self._displaced = displaced
        self._refused: dict[str, float] = {}

    def push(self, now: float, *, blocked: Callable[[str], bool]) -> None:
        """Write every file that does not say what it should. `blocked` paths wait: git is at work on them.

        So does everything while the folder itself is away.
        """
        if not self._folder.exists():
            return
        self._refused = {path: until for path, until in self._refused.items() if until > now}
        if self._writer.has_unfinished():
            self._displaced.recover(now)
        for row in unwritten_documents(self._db):
            if self._may_write(row) and not blocked(row.path):
                self._write_document(row, now)

    def deadline(self) -> float | None:
        """When a write that was refused is tried again."""
        return min(self._refused.values(), default=None)

    def _may_write(self, row: DocumentRow) -> bool:
        if row.absent_since is not None or self._reader.is_unreadable(row.path) or row.path in self._refused:
            return False
        return not self._dirty.is_held(row.path)

    def _write_document(self, row: DocumentRow, now: float) -> None:
        self._remember_target(row, now)
        match self._writer.write(row.path, row.disk_sha, row.target_bytes, now):
            case TargetChanged():
                self._dirty.mark_if_clean(row.path, now)
            case WriteRefused(reason=reason):
                self._refused[row.path] = now + RETRY_AFTER
                with self._db.write():
                    put_problem(self._db, Problem(path=row.path, line=0, message=reason), WRITE, now)
            case ConcurrentSave():
                self._record_written(row, now)
                self._displaced.recover(now)
            case _:
                self._record_written(row, now)

    def _remember_target(self, row: DocumentRow, now: float) -> None:
        """From now on the number of this revision is used up, whatever becomes of the write."""
        rev = target_revision(row)
        if rev <= 0:
            return
        base = BaseVersion(rev=rev, by_user=False, data=row.target_bytes)
        with self._db.write():
            keep_base(self._db, row.path, base, row.target_sha, now)
            forget_bases(self._db, row.path)
            self._db.set(DocumentRow, row.path, rev=max(rev, row.rev))

    def _record_written(self, row: DocumentRow, now: float) -> None:
        with self._db.write():
            add_own(self._db, row.path, row.target_sha)
            self._db.set(DocumentRow, row.path, disk_sha=row.target_sha, rev=target_revision(row))
            for source in (WRITE, READ):
                remove_problem(self._db, row.path, source)
        self._dirty.mark_at(row.path, now, now + 2 * RACY_NS / 1e9)


def target_revision(row: DocumentRow) -> int:
    """The revision of what the file should say; the one known before where it says none, or cannot be read."""
    try:
        rev = decoded(row.path, row.target_bytes).cowork.rev
    except DocumentError:
        return row.rev
    return row.rev if rev is None else rev
