"""Files against rows: every document, its kept versions, its task."""

from __future__ import annotations

from collections.abc import Iterator

from coworkd.core.model import Kind
from coworkd.diagnostics.fsck.finding import REPAIR, Inconsistency, Subject
from coworkd.documents.decoding import kind_of
from coworkd.store import Database
from coworkd.store.consistency import (
    all_documents,
    has_ingested,
    has_task_or_reason,
    seen_stats,
    stored_versions,
    tasks_without_document,
)
from coworkd.sync.consistency import disagreements
from coworkd.sync.disk.folder import Content, FileStat, digest
from coworkd.sync.disk.ports import Files


def check_documents(db: Database, folder: Files) -> Iterator[Inconsistency]:
    """Every file that was taken in, and every row that has none. What is not taken in yet is no finding."""
    stats = {path: FileStat(*stat) for path, stat in seen_stats(db).items()}
    there: set[str] = set()
    for path, found in folder.walk():
        kind = kind_of(path)
        if kind is None:
            continue
        there.add(path)
        read = folder.read(path)
        if isinstance(read, Content) and (stats.get(path) == found or has_ingested(db, path, read.sha)):
            for text in disagreements(db, path, kind, read.data, at_rest=False):
                yield Inconsistency(subject=Subject.FILE, name=path, says=text, advice=REPAIR, repairable=True)
    yield from _rows(db, there)


def _rows(db: Database, there: set[str]) -> Iterator[Inconsistency]:
    for row in all_documents(db):
        if digest(row.target_bytes) != row.target_sha and row.target_sha:
            yield Inconsistency(
                subject=Subject.DATABASE, name=row.path, says="what the database keeps of this file is damaged",
                advice=REPAIR, repairable=True,
            )  # fmt: skip
        if row.kind is Kind.TASK and row.target_sha and row.path in there and not has_task_or_reason(db, row.path):
            yield Inconsistency(
                subject=Subject.DATABASE, name=row.path, says="there is no task for it", advice=REPAIR, repairable=True
            )
    for version in stored_versions(db):
        if digest(version.data) != version.sha:
            yield Inconsistency(
                subject=Subject.BASE, name=f"{version.path} rev {version.rev}",
                says="a kept version is damaged: a stale save would be compared with other words", advice=REPAIR,
                repairable=True,
            )  # fmt: skip
    for task in tasks_without_document(db):
        yield Inconsistency(
            subject=Subject.DATABASE, name=task.id, says=f"its file {task.path} was never seen", advice=REPAIR,
            repairable=True,
        )  # fmt: skip
