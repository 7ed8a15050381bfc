"""Writing files that do not hold what they should.

A write goes over exactly the bytes that the database last saw on disk, and nothing else (`disk/atomic_writer.py`). The
bytes are remembered as the daemon's own with the intent, before the first step, so that a crash in mid-write never
makes them look like a person's save.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from coworkd.core.errors import DocumentError
from coworkd.core.model import Kind, Problem, Status
from coworkd.store import Database, DocumentRow
from coworkd.store.documents import UnwrittenDocument, documents_at, unwritten_documents
from coworkd.store.own_bytes import add_own
from coworkd.store.problems import READ, WRITE, put_problem, remove_problem
from coworkd.sync.dirty_set import DirtySet
from coworkd.sync.disk.atomic_writer import AtomicWriter
from coworkd.sync.disk.ports import Files
from coworkd.sync.disk.write_steps import ConcurrentSave, FileWrite, TargetChanged, WriteRefused, WriteResult, Written
from coworkd.sync.displaced_saves import DisplacedSaves
from coworkd.sync.effective_specs import decode_bytes
from coworkd.sync.ingest.incoming_document import forget_bases, keep_base
from coworkd.sync.merging.three_way import BaseVersion
from coworkd.sync.reader import Reader
from coworkd.sync.stat_cache import RACY_NS

RETRY_AFTER = 5.0
"""Seconds after which a write that the file system refused is tried again."""

WRITE_BATCH_SIZE = 16
"""Files whose intents are one commit: few enough to be written within a part of a turn, also on a slow disk."""


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
        self._retry_times: dict[str, float] = {}
        self._unfinished = False
        """Whether the last push left something for the next one."""

    def push(self, now: float, *, blocked: Callable[[str], bool], enough: Callable[[], bool] = lambda: False) -> None:
        """Write every file that does not hold what it should; those that people wait for first.

        `blocked` paths wait: git is at work on them. So does everything while the folder itself is away. Once it is
        `enough`, the rest is left to the next push, which is then due at once.
        """
        self._unfinished = False
        if not self._folder.exists():
            return
        self._retry_times = {path: until for path, until in self._retry_times.items() if until > now}
        if self._writer.has_unfinished():
            self._displaced.recover(now)
        documents = sorted(filter(self._may_write, unwritten_documents(self._db)), key=write_order)
        for start in range(0, len(documents), WRITE_BATCH_SIZE):
            if start and enough():
                self._unfinished = True
                return
            # A save that an earlier write displaced may have changed what these files should hold.
            batch = filter(self._may_write, documents[start : start + WRITE_BATCH_SIZE])
            paths = [document.path for document in batch if not blocked(document.path)]
            self._write_documents(
                [row for row in documents_at(self._db, paths).values() if row.target_sha != row.disk_sha], now
            )

    def deadline(self) -> float | None:
        """When a write that was refused is tried again; at once while something was left."""
        return 0.0 if self._unfinished else min(self._retry_times.values(), default=None)

    def _may_write(self, document: UnwrittenDocument) -> bool:
        path = document.path
        if document.absent or self._reader.is_unreadable(path) or path in self._retry_times:
            return False
        return not self._dirty.is_held(path)

    def _write_documents(self, rows: Sequence[DocumentRow], now: float) -> None:
        if not rows:
            return
        writes = [FileWrite(path=row.path, expected=row.disk_sha, data=row.target_bytes) for row in rows]
        results = self._writer.write_all(writes, now, with_intents=lambda: self._remember_targets(rows, now))
        with self._db.write():
            for row in rows:
                self._record_result(row, results[row.path], now)
        if any(isinstance(result, ConcurrentSave) for result in results.values()):
            self._displaced.recover(now)

    def _record_result(self, row: DocumentRow, result: WriteResult, now: float) -> None:
        match result:
            case TargetChanged():
                self._dirty.mark_if_clean(row.path, now)
            case WriteRefused(reason=reason):
                self._retry_times[row.path] = now + RETRY_AFTER
                put_problem(self._db, Problem(path=row.path, line=0, message=reason), WRITE, now)
            case Written() | ConcurrentSave():
                self._record_written(row, now)

    def _remember_targets(self, rows: Sequence[DocumentRow], now: float) -> None:
        for row in rows:
            self._remember_target(row, now)

    def _remember_target(self, row: DocumentRow, now: float) -> None:
        """From now on the number of this revision is used up, whatever becomes of the write."""
        rev = target_revision(row)
        if rev <= 0:
            return
        base = BaseVersion(rev=rev, by_user=False, data=row.target_bytes)
        keep_base(self._db, row.path, base, row.target_sha, now)
        forget_bases(self._db, row.path)
        self._db.set(DocumentRow, row.path, rev=max(rev, row.rev))

    def _record_written(self, row: DocumentRow, now: float) -> None:
        add_own(self._db, row.path, row.target_sha)
        self._db.set(DocumentRow, row.path, disk_sha=row.target_sha, rev=target_revision(row))
        for source in (WRITE, READ):
            remove_problem(self._db, row.path, source)
        self._dirty.mark_at(row.path, now, now + 2 * RACY_NS / 1e9)


def write_order(document: UnwrittenDocument) -> tuple[int, str]:
    """What asks people something first, then tasks that wait for them, then other tasks, then the rest."""
    waits = document.status in (Status.WAITING, Status.REVIEW)
    kinds = (Kind.APPROVAL, Kind.REVIEW, Kind.PLAN, Kind.MESSAGE)
    rank = 0 if document.kind in kinds else 1 if waits else 2 if document.kind is Kind.TASK else 3
    return rank, document.path


def target_revision(row: DocumentRow) -> int:
    """The revision of what the file should say; the one known before where it says none, or cannot be read."""
    try:
        rev = decode_bytes(row.path, row.target_bytes).cowork.rev
    except DocumentError:
        return row.rev
    return row.rev if rev is None else rev
