"""One record per finished run: composed from the database, written once, taken back when the database has lost it."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.errors import DocumentError
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Check, Problem
from coworkd.history.restore import RecordRestorer
from coworkd.history.run_record import (
    Origin,
    Receipt,
    RecordedDecision,
    RecordedSubmission,
    RunRecord,
    decode,
    encode,
    run_id_of,
)
from coworkd.store import Database, FinishedRun, RequestRow, SubmissionRow
from coworkd.store.messages import delivered_messages
from coworkd.store.problems import put_problem, remove_problem
from coworkd.store.records import (
    UnwrittenRecord,
    add_foreign_record,
    add_record,
    is_task_file_absent,
    mark_record_written,
    record_paths_known,
    runs_to_record,
    unwritten_records,
)
from coworkd.store.requests import decisions_of_run
from coworkd.store.runs import mark_recorded
from coworkd.store.submissions import submission_of_run
from coworkd.sync.disk.atomic_writer import AtomicWriter
from coworkd.sync.disk.folder import Content, digest
from coworkd.sync.disk.ports import Files
from coworkd.sync.disk.write_steps import TargetChanged, WriteRefused

RETRY_AFTER = 5.0
"""Seconds until a record that could not be written is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOwner:
    """Who keeps the records, and where."""

    instance: str
    key: bytes
    """Seals them; never leaves this machine."""
    folder: Path
    """The workspace's."""


class RunRecorder:
    """The records of one workspace; used by the writer thread alone."""

    def __init__(self, db: Database, folder: Files, writer: AtomicWriter, owner: RecordOwner) -> None:
        self._db = db
        self._folder = folder
        self._writer = writer
        self._owner = owner
        self._returning = RecordRestorer(db)
        self._blocked_until = 0.0

    # ---- one turn

    def step(self, now: float) -> None:
        """Compose what is to be remembered, and write what is not written yet."""
        for run in runs_to_record(self._db):
            self._compose(run, now)
        if now >= self._blocked_until:
            for record in unwritten_records(self._db):
                self._write(record, now)

    def deadline(self) -> float | None:
        """When a write that was refused is tried again."""
        return self._blocked_until or None

    def _compose(self, run: FinishedRun, now: float) -> None:
        record = compose_record(self._db, run, self._owner.instance)
        data = encode(record, self._owner.key)
        with self._db.write(durable=True):
            self._keep(record, data, written=False)
            mark_recorded(self._db, run.id)
            self._db.event(
                now, EventKind.RUN_RECORDED, task=run.task, run=run.id, path=record.path, sha=digest(data)[:12]
            )

    def _keep(self, record: RunRecord, data: bytes, *, written: bool) -> None:
        kept = UnwrittenRecord(run=record.run, path=record.path, data=data)
        add_record(self._db, kept, digest(data), written=written)

    def _write(self, record: UnwrittenRecord, now: float) -> None:
        if self._is_parked(record.run):
            return
        result = self._writer.write(record.path, "", record.data, now)
        if isinstance(result, WriteRefused):
            self._defer(record.path, result.reason, now)
            return
        if isinstance(result, TargetChanged) and not self._is_written(record):
            # Another file has its name: that file must not be replaced, and the database keeps the record.
            self._defer(record.path, "another file stands where the record of a run belongs; move it away", now)
            return
        self._blocked_until = 0.0
        with self._db.write():
            mark_record_written(self._db, record.run)
            remove_problem(self._db, record.path, "write")

    def _is_written(self, record: UnwrittenRecord) -> bool:
        found = self._folder.read(record.path)
        return isinstance(found, Content) and found.data == record.data

    def _defer(self, path: str, why: str, now: float) -> None:
        self._blocked_until = now + RETRY_AFTER
        with self._db.write():
            put_problem(self._db, Problem(path=path, line=0, message=why), "write", now)

    def _is_parked(self, run: str) -> bool:
        """On a branch without the task's file, or without the folder, nothing is put into the working tree."""
        return not self._folder.exists() or is_task_file_absent(self._db, run)

    # ---- what other lives and other people wrote

    def ingest_records(self, now: float) -> None:
        """Take in every record that the database does not know: ours give back what was lost, others' are shown."""
        self._take_in_unknown(record_paths(self._owner.folder) - record_paths_known(self._db), now)

    def ingest_records_at(self, paths: Collection[str], now: float) -> None:
        """The same for those of these paths that are records'."""
        records = {path for path in paths if run_id_of(path)}
        self._take_in_unknown(records - record_paths_known(self._db, records), now)

    def _take_in_unknown(self, paths: Collection[str], now: float) -> None:
        for path in sorted(paths):
            found = self._folder.read(path)
            if isinstance(found, Content):
                self._take_in(path, found.data, now)

    def _take_in(self, path: str, data: bytes, now: float) -> None:
        try:
            record, origin = decode(data, path, self._owner.instance, self._owner.key)
        except DocumentError as error:
            with self._db.write():
                put_problem(self._db, Problem(path=path, line=0, message=error.message), "record", now)
            return
        with self._db.write(durable=True):
            remove_problem(self._db, path, "record")
            if origin is Origin.OURS:
                self._keep(record, data, written=True)
                self._returning.restore(record, now)
            else:
                self._list_record(record, path, data)

    def _list_record(self, record: RunRecord, path: str, data: bytes) -> None:
        """List the record under its path: a run id inside it is not trusted."""
        add_foreign_record(self._db, f"{record.instance}:{path}", path, digest(data))


def record_paths(folder: Path) -> set[str]:
    """Every path below `log/` that has a record's name."""
    found = {f"log/{file.parent.name}/{file.name}" for file in (folder / "log").glob("*/*.json")}
    return {path for path in found if run_id_of(path)}


def compose_record(db: Database, run: FinishedRun, instance: str) -> RunRecord:
    """What is remembered of a run that is over."""
    submission = submission_of_run(db, run.id)
    has_usage = bool(run.usage.input_tokens or run.usage.output_tokens)
    return RunRecord(
        instance=instance, run=run.id, task=run.task, attempt=run.attempt, agent=run.agent, model=run.model,
        started=run.started, ended=run.state.at, reason=run.state.reason, level=run.start.sandbox_level,
        base=run.slot.base,
        input_tokens=run.usage.input_tokens if has_usage else None,
        output_tokens=run.usage.output_tokens if has_usage else None,
        cost_usd=run.usage.cost_usd, estimated=run.usage.estimated, decisions=_decisions(db, run.id),
        receipts=_receipts(db, run.id), submission=_recorded_submission(submission), checks=_checks(submission),
    )  # fmt: skip


def _decisions(db: Database, run: str) -> tuple[RecordedDecision, ...]:
    asked = decisions_of_run(db, run)
    return tuple(
        RecordedDecision(
            request=row.id, kind=row.kind, tool=row.tool, path=row.path, digest=request_digest(row), state=row.state,
            answer=row.answer, by=row.answered_by, asked=row.created,
        )
        for row in asked
    )  # fmt: skip


def request_digest(row: RequestRow) -> str:
    """Of everything that the person was shown to decide on."""
    return digest(f"{row.kind}\0{row.tool}\0{row.arguments}\0{row.text}".encode("utf-8", "surrogatepass"))


def _receipts(db: Database, run: str) -> tuple[Receipt, ...]:
    delivered = delivered_messages(db, run)
    return tuple(Receipt(path=row.path, digest=digest(row.body.encode())) for row in delivered)


def _recorded_submission(row: SubmissionRow | None) -> RecordedSubmission | None:
    return RecordedSubmission(number=row.number, commit=row.commit_id, tree=row.tree) if row else None


def _checks(row: SubmissionRow | None) -> tuple[Check, ...]:
    return tuple(Check(**check) for check in json.loads(row.checks)) if row else ()
