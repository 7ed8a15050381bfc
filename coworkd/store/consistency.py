"""What `coworkd fsck` asks of the database, and what it corrects in it: rows against rows, files and versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from coworkd.core.model import Kind
from coworkd.core.run_states import RunState
from coworkd.store.database import Database
from coworkd.store.rows import DocumentRow, RunRow, TaskRow

DUPLICATE = "duplicate"
"""The source of the problem of a file whose task id another file has."""

_RELABELLED = -2
"""The revision of a version whose bytes are not the ones that it was stored for: it is compared with nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedVersion:
    """The bytes that a document had at some time, and the hash under which they were stored."""

    id: int
    path: str
    rev: int
    sha: str
    data: bytes


class TrashedFile(NamedTuple):
    """A displaced version in the trash, and the document that it was of."""

    name: str
    path: str


class SeenStat(NamedTuple):
    """What the file system said of a file when it was read last."""

    mtime_ns: int
    ctime_ns: int
    size: int
    inode: int
    mode: int


# ---- documents


def seen_stats(db: Database) -> dict[str, SeenStat]:
    """By path, for every file that was read."""
    rows = db.query("SELECT path, mtime_ns, ctime_ns, size, inode, mode FROM stats")
    return {row["path"]: SeenStat(**{name: row[name] for name in SeenStat._fields}) for row in rows}


def has_ingested(db: Database, path: str, sha: str) -> bool:
    """Whether these bytes are what the document's file said when it was read last."""
    return bool(db.scalar("SELECT 1 FROM documents WHERE path = ? AND file_sha = ?", path, sha))


def all_documents(db: Database) -> list[DocumentRow]:
    return db.all(DocumentRow, "ORDER BY path")


def undeleted_documents(db: Database) -> list[DocumentRow]:
    return db.all(DocumentRow, "want_sha != ''")


def forget_document(db: Database, path: str) -> None:
    """The next look at the file takes it for a new one."""
    db.execute("DELETE FROM documents WHERE path = ?", path)


def write_file_again(db: Database, path: str) -> bool:
    """Take the file of a document for one that is still to be written; False where the document is deleted."""
    return bool(
        db.execute("UPDATE documents SET file_sha = '', absent_since = NULL WHERE path = ? AND want_sha != ''", path)
    )


def has_task_or_reason(db: Database, path: str) -> bool:
    """Whether there is a task for the file, or a problem that says why there is none."""
    sql = "SELECT 1 FROM tasks WHERE path = ? UNION SELECT 1 FROM problems WHERE path = ? AND source = ?"
    return bool(db.scalar(sql, path, path, DUPLICATE))


def lacks_task(db: Database, path: str) -> bool:
    """Whether the document is a task's, and there is neither the task nor a reason for that."""
    sql = "SELECT 1 FROM documents WHERE path = ? AND kind = ? AND want_sha != ''"
    return bool(db.scalar(sql, path, Kind.TASK)) and not has_task_or_reason(db, path)


# ---- versions


def stored_versions(db: Database) -> list[CheckedVersion]:
    """Every kept version of every document."""
    rows = db.query("SELECT rowid AS id, path, rev, sha, bytes FROM bases ORDER BY rowid")
    return [
        CheckedVersion(id=row["id"], path=row["path"], rev=row["rev"], sha=row["sha"], data=row["bytes"])
        for row in rows
    ]


def relabel_version(db: Database, version: CheckedVersion, sha: str) -> None:
    """Store a version under the hash that its bytes have."""
    db.execute("UPDATE OR IGNORE bases SET sha = ?, rev = ? WHERE rowid = ?", sha, _RELABELLED, version.id)


def version_bytes(db: Database, path: str, sha: str) -> bytes | None:
    """The kept bytes of a document with this hash; None when they are not kept."""
    return db.scalar("SELECT bytes FROM bases WHERE path = ? AND sha = ?", path, sha)


# ---- tasks and runs


def tasks_without_document(db: Database) -> list[TaskRow]:
    """Tasks that are on the board and whose file was never read."""
    return db.all(TaskRow, "NOT gone AND path NOT IN (SELECT path FROM documents)")


def mark_file_present(db: Database, path: str) -> None:
    """The file of the task at this path is there."""
    db.execute("UPDATE tasks SET gone = 0 WHERE path = ?", path)


def live_runs_without_task(db: Database) -> list[RunRow]:
    return db.all(RunRow, "state != ? AND task NOT IN (SELECT id FROM tasks)", RunState.ENDED)


# ---- trash


def trashed_files(db: Database) -> list[TrashedFile]:
    """The displaced versions that are to be looked at again; without those of a write that is under way."""
    rows = db.query("SELECT name, path FROM trash WHERE path NOT IN (SELECT path FROM writes)")
    return [TrashedFile(row["name"], row["path"]) for row in rows]


def forget_trashed(db: Database, name: str) -> None:
    db.execute("DELETE FROM trash WHERE name = ?", name)
