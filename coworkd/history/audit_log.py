"""The files of the audit log: `audit/NNNNNN.jsonl` beside the database, appended to and never changed.

The events of the database are what happened; this writes them down behind one another, in batches off the writer's
thread, and goes on where it stopped: after a crash, and after a database that was lost or came back older.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.errors import DocumentError
from coworkd.core.machine_faults import MachineFaultError
from coworkd.history.hash_chain import AuditEntry, ChainEnd, chain_lines, parse_entry
from coworkd.store import Database, EventRow
from coworkd.store.events import continue_events_after, events_after, has_all_events, latest_event
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose
from coworkd.system.durable_files import sync_folder

MAX_FILE_BYTES = 4_000_000
"""A file that is larger gets no further entries; the next one does."""

GATHERING_TIME = 2.0
"""Seconds for which events wait for others: a batch costs a sync of the disk and a turn."""

BATCH_SIZE = 5000
"""Events written down by one job."""

_TAIL = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendResult:
    """Where the chain ends now."""

    link: ChainEnd


AUDIT_JOB: Job[None, AppendResult] = Job(name="audit", purpose=Purpose.MAINTENANCE)
"""Writes a batch of events."""


class AuditLog:
    """Writes the events of one database down; used by the writer thread alone, but for the job it starts."""

    def __init__(self, db: Database, jobs: Jobs, folder: Path) -> None:
        self._db = db
        self._jobs = jobs
        self._folder = folder
        self._link = ChainEnd()
        self._due: float | None = None
        """When the events that wait are written down; None: none wait, or the job that writes them runs."""
        jobs.handle(AUDIT_JOB, then=self._written, failed=self._failed)
        self.find_end()

    def find_end(self) -> None:
        """Find out where the files end; not while they are being written."""
        if not self._jobs.running(AUDIT_JOB):
            self._link = self._chain_end()

    def _chain_end(self) -> ChainEnd:
        """Where the files end. Events go on behind that, also in a database that has never seen it."""
        link = end_of(self._folder)
        known = ChainEnd(id=self._db.state.audit_event, hash=self._db.state.audit_hash)
        latest = latest_event(self._db)
        if latest < link.id:
            with self._db.write():
                continue_events_after(self._db, link.id)
        # Entries that are gone, and the database has not, are written again. A check reports others as missing, and
        # the chain goes on from what is remembered of them.
        return link if link.id >= known.id or self._has_events(link.id, known.id) else known

    def _has_events(self, after: int, upto: int) -> bool:
        return has_all_events(self._db, after, upto)

    def step(self, now: float) -> None:
        """Start to write the events since the last batch, once they have waited for others."""
        under_way = self._jobs.running(AUDIT_JOB) or self._jobs.pausing(AUDIT_JOB, None)
        if under_way or latest_event(self._db) <= self._link.id:
            return
        if self._due is None:
            self._due = now + GATHERING_TIME
        if now >= self._due and (events := self._pending()):
            self._due = None
            folder, link = self._folder, self._link
            self._jobs.start(AUDIT_JOB, None, lambda: append(folder, link, events))

    def deadline(self) -> float | None:
        """When the events that wait are written down."""
        return self._due

    def _pending(self) -> list[EventRow]:
        return events_after(self._db, self._link.id, BATCH_SIZE)

    def _failed(self, _: None, _failure: JobFailed, _now: float) -> None:
        """The files are as they were; the batch may have been ordered before this database was opened."""
        self.find_end()

    def _written(self, _: None, written: AppendResult, _now: float) -> None:
        """A batch is on disk."""
        self._record_written(written)

    def _record_written(self, written: AppendResult) -> None:
        self._link = written.link
        with self._db.write():
            self._db.state.audit_event = written.link.id
            self._db.state.audit_hash = written.link.hash

    def close(self) -> None:
        """At the end, when no job runs any more: write the rest down here, or leave it to the next start."""
        with suppress(OSError, MachineFaultError):
            self._write_rest()

    def _write_rest(self) -> None:
        # The last batch may have been written without its result having been received.
        self._record_written(AppendResult(link=max(end_of(self._folder), self._link, key=lambda link: link.id)))
        while events := self._pending():
            self._record_written(append(self._folder, self._link, events))


# ---- files


def append(folder: Path, link: ChainEnd, events: list[EventRow]) -> AppendResult:
    """Write the events down behind `link` and sync; an error leaves the files as they were."""
    data, end = chain_lines(link, events)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = _open_file(folder)
    fresh = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        try:
            _write(descriptor, data)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
    if fresh:
        sync_folder(folder)
    return AppendResult(link=end)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _open_file(folder: Path) -> Path:
    """The file that takes the next entries."""
    there = files(folder)
    if there and there[-1].stat().st_size < MAX_FILE_BYTES:
        return there[-1]
    return folder / f"{int(there[-1].stem) + 1 if there else 1:06}.jsonl"


def files(folder: Path) -> list[Path]:
    """The files of an audit, oldest first."""
    return sorted(path for path in folder.glob("*.jsonl") if path.stem.isdigit())


def end_of(folder: Path) -> ChainEnd:
    """Where the chain in the files ends. A line that a crash left unfinished is taken away: it was never confirmed."""
    for path in reversed(files(folder)):
        _drop_unfinished(path)
        for line in reversed(_tail(path).splitlines()):
            try:
                entry = parse_entry(line)
            except DocumentError:
                continue  # a check will report it; the chain continues after the last readable entry
            return ChainEnd(id=entry.event.id, hash=entry.hash)
    return ChainEnd()


def _drop_unfinished(path: Path) -> None:
    tail = _tail(path)
    unfinished = len(tail) - (tail.rfind(b"\n") + 1)
    if unfinished:
        os.truncate(path, path.stat().st_size - unfinished)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read()


def entries(folder: Path) -> Iterator[tuple[Path, int, AuditEntry | DocumentError]]:
    """Every entry with its file and line, or what stands in its place."""
    for path in files(folder):
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield path, number, parse_entry(line)
                except DocumentError as error:
                    yield path, number, error
