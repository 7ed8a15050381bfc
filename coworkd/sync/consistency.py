"""Whether a file and the rows about it agree. Reads only; for `coworkd fsck` and the oracle of the simulation."""

from __future__ import annotations

from collections.abc import Iterator

from coworkd.core.errors import DocumentError
from coworkd.core.model import Kind, TaskSpec
from coworkd.core.task_states import UNSTARTED
from coworkd.documents.decoding import is_note, read_document
from coworkd.store import Database, TaskRow
from coworkd.store.documents import find_document, held_as_copy
from coworkd.store.problems import DUPLICATE, READ, has_problem
from coworkd.store.tasks import find_task_at
from coworkd.sync.disk.folder import digest
from coworkd.sync.effective_specs import CONFIG, EffectiveSpecs, decode_bytes


def disagreements(db: Database, path: str, kind: Kind, data: bytes, *, at_rest: bool = True) -> Iterator[str]:
    """What is wrong about one document with these bytes. Not `at_rest`: what will be written or done soon may wait."""
    try:
        note = path != CONFIG and is_note(path, read_document(path, data), EffectiveSpecs(db).settings().adopt_notes)
        decoded = decode_bytes(path, data)
    except DocumentError:
        if not has_problem(db, path, READ):
            yield "cannot be read, and nothing says so"
        return
    if note:
        return
    row = find_document(db, path)
    if row is None and held_as_copy(db, path):
        return
    if row is None:
        yield "the database does not know this file"
        return
    if row.disk_sha != digest(data):
        yield "the file holds other bytes than the database thinks"
    elif row.target_sha != row.disk_sha and at_rest:
        yield "the file was never brought up to date"
    if kind is Kind.TASK and (row.target_sha == row.disk_sha or at_rest):
        yield from _task_disagreements(db, path, decoded.of(TaskSpec), at_rest=at_rest)


def _task_disagreements(db: Database, path: str, spec: TaskSpec, *, at_rest: bool) -> Iterator[str]:
    row = find_task_at(db, path)
    if row is None:
        if not has_problem(db, path, DUPLICATE):
            yield "there is no task for it"
        return
    if row.file_missing:
        yield "the task counts as gone and its file is here"
    if row.requested_status:
        if at_rest:
            yield f"`{row.requested_status}` never took effect"
    elif not row.from_git and spec.status is not row.status and not _has_implicit_status(spec, row):
        yield f"the file says {spec.status}, the database {row.status}"


def _has_implicit_status(spec: TaskSpec, row: TaskRow) -> bool:
    return spec.status is None and row.status in UNSTARTED
