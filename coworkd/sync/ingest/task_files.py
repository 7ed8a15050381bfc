"""A task's file and its row: taking a saved file into the row, and writing the row into what the file should hold."""

from __future__ import annotations

import dataclasses

from coworkd.core.errors import DocumentError
from coworkd.core.model import Problem, TaskSpec
from coworkd.core.task_states import ACTIVE
from coworkd.documents.decoding import Decoded
from coworkd.documents.markdown import Document, normalise_key
from coworkd.store import Database, DocumentRow, TaskRow
from coworkd.store.documents import find_document
from coworkd.store.problems import put_problem
from coworkd.store.tasks import add_dependencies, find_task_at, remove_dependencies
from coworkd.store.usage import usage_of_runs
from coworkd.sync.disk.folder import digest
from coworkd.sync.effective_specs import decode_bytes
from coworkd.sync.ingest import task_rows
from coworkd.sync.ingest.batch_context import BatchContext
from coworkd.sync.ingest.incoming_document import IncomingDocument
from coworkd.sync.projection import project_task_file

# ---- from the file to the row


def ingest_task(db: Database, incoming: IncomingDocument, context: BatchContext, instance: str, quiet: float) -> None:
    """A task file was saved."""
    old = find_task_at(db, incoming.path) if incoming.known else None
    if old is None:
        task = task_rows.resolve_task_id(db, incoming.decoded, context.task_paths)
        if isinstance(task, task_rows.IdTaken):
            _report_taken_id(db, incoming, task.by)
            return
        context.task_paths[task] = incoming.path
        row = _with_recorded_cost(db, task_rows.first_row(incoming, task, instance, quiet))
    elif incoming.replaces_deleted and old.status not in ACTIVE:
        row = dataclasses.replace(
            task_rows.first_row(incoming, old.id, instance, quiet), attempt=old.attempt, cost_usd=old.cost_usd
        )
    else:
        row = task_rows.next_row(old, incoming, instance, quiet)
    db.put(row)
    if old is not None:
        remove_dependencies(db, old.id)
    add_dependencies(db, row.id, dict.fromkeys(incoming.merged.of(TaskSpec).depends_on))
    _report_status_notice(db, incoming, row)
    _project(db, row, incoming.target_bytes, incoming.merged, incoming.latest_revision)


def _with_recorded_cost(db: Database, row: TaskRow) -> TaskRow:
    """With what a task that was lost with its database has cost, which the records of its runs have restored."""
    spent = usage_of_runs(db, row.id) if row.exact_id else None
    if spent is None:
        return row
    return dataclasses.replace(
        row, cost_usd=spent.usd, input_tokens=spent.input_tokens, output_tokens=spent.output_tokens
    )


def _report_status_notice(db: Database, incoming: IncomingDocument, row: TaskRow) -> None:
    if notice := incoming.decoded.of(TaskSpec).status_notice:
        problem = Problem(path=incoming.path, line=_line_of(incoming.document, "status"), message=notice)
        put_problem(db, problem, "notice", incoming.now, row.id)


def _line_of(document: Document, key: str) -> int:
    return next((entry.line for entry in document.entries if normalise_key(entry.key) == key), 0)


def _report_taken_id(db: Database, incoming: IncomingDocument, holder: str) -> None:
    written = "remove `id` (or the whole `cowork:` map) from this copy, or " if incoming.decoded.cowork.id else ""
    text = f"has the id of {holder}, so it is not run; {written}give it another name"
    put_problem(db, Problem(path=incoming.path, line=0, message=text), "duplicate", incoming.now)


# ---- from the row to the file


def project_task(db: Database, row: TaskRow) -> None:
    """Bring what the task's file should hold up to its row."""
    document = find_document(db, row.path) if _is_written(row) else None
    if document is None:
        return
    try:
        decoded = decode_bytes(row.path, document.target_bytes)
    except DocumentError as error:
        _report_unwritable(db, row, error)
    else:
        _project(db, row, document.target_bytes, decoded, document.rev)


def project_returned_file(db: Database, path: str) -> None:
    """The file is there again: what was not written into it while it was missing is due now."""
    row = find_task_at(db, path)
    if row is not None:
        with db.write():
            project_task(db, row)


def _project(db: Database, row: TaskRow, target: bytes, decoded: Decoded, rev: int) -> None:
    if not _is_written(row):
        return
    try:
        file = project_task_file(target, decoded, row, max(rev, 0) + 1)
    except DocumentError as error:
        _report_unwritable(db, row, error)
        return
    if file.changed:
        db.set(DocumentRow, row.path, target_bytes=file.data, target_sha=digest(file.data))


def _is_written(row: TaskRow) -> bool:
    """Whether the daemon writes into the task's file: it is here, and this instance's."""
    return not (row.owned_elsewhere or row.from_git or row.file_missing)


def _report_unwritable(db: Database, row: TaskRow, error: DocumentError) -> None:
    """A header laid out so that it cannot be edited stays as it is, with a problem; the row counts all the same."""
    problem = Problem(path=row.path, line=error.line, message=f"status `{row.status}`: {error.message}")
    put_problem(db, problem, "layout", row.since, row.id)
