"""Files against rows: every document, its kept versions, its task."""

from __future__ import annotations

from collections.abc import Iterator

from coworkd.core.model import Kind
from coworkd.diagnostics.fsck.finding import REPAIR, Inconsistency, Subject
from coworkd.documents.decoding import kind_of
from coworkd.store import Cells, Database, DocumentRow
from coworkd.sync.consistency import disagreements
from coworkd.sync.disk.folder import Content, FileStat, digest
from coworkd.sync.disk.ports import Files


def check_documents(db: Database, folder: Files) -> Iterator[Inconsistency]:
    """Every file that was taken in, and every row that has none. What is not taken in yet is no finding."""
    stats = {row["path"]: _stat(row) for row in db.query("SELECT * FROM stats")}
    there: set[str] = set()
    for path, found in folder.walk():
        kind = kind_of(path)
        if kind is None:
            continue
        there.add(path)
        read = folder.read(path)
        if isinstance(read, Content) and (stats.get(path) == found or _taken_in(db, path, read)):
            for text in disagreements(db, path, kind, read.data, at_rest=False):
                yield Inconsistency(subject=Subject.FILE, name=path, says=text, advice=REPAIR, mendable=True)
    yield from _rows(db, there)


def _stat(row: Cells) -> FileStat:
    return FileStat(row["mtime_ns"], row["ctime_ns"], row["size"], row["inode"], row["mode"])


def _taken_in(db: Database, path: str, read: Content) -> bool:
    return bool(db.scalar("SELECT 1 FROM documents WHERE path = ? AND file_sha = ?", path, read.sha))


def _rows(db: Database, there: set[str]) -> Iterator[Inconsistency]:
    for row in db.all(DocumentRow, "ORDER BY path"):
        if digest(row.target_bytes) != row.target_sha and row.target_sha:
            yield Inconsistency(
                subject=Subject.DATABASE, name=row.path, says="what the database keeps of this file is damaged",
                advice=REPAIR, mendable=True,
            )  # fmt: skip
        if row.kind is Kind.TASK and row.target_sha and row.path in there and not _task_or_reason(db, row.path):
            yield Inconsistency(
                subject=Subject.DATABASE, name=row.path, says="there is no task for it", advice=REPAIR, mendable=True
            )
    for base in db.query("SELECT path, rev, sha, bytes FROM bases"):
        if digest(base["bytes"]) != base["sha"]:
            yield Inconsistency(
                subject=Subject.BASE, name=f"{base['path']} rev {base['rev']}",
                says="a kept version is damaged: a stale save would be compared with other words", advice=REPAIR,
                mendable=True,
            )  # fmt: skip
    for row in db.query("SELECT id, path FROM tasks WHERE NOT gone AND path NOT IN (SELECT path FROM documents)"):
        yield Inconsistency(
            subject=Subject.DATABASE, name=row["id"], says=f"its file {row['path']} was never seen", advice=REPAIR,
            mendable=True,
        )  # fmt: skip


def _task_or_reason(db: Database, path: str) -> bool:
    sql = "SELECT 1 FROM tasks WHERE path = ? UNION SELECT 1 FROM problems WHERE path = ? AND source = 'duplicate'"
    return bool(db.scalar(sql, path, path))
