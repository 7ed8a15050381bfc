"""The files of the workspace as the database knows them: versions, notes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from coworkd.core.model import Kind, Status
from coworkd.store.database import Database
from coworkd.store.rows import DocumentRow


def is_document(db: Database, path: str) -> bool:
    """Whether a document has been taken in from this path, and was not deleted since."""
    return bool(db.scalar("SELECT 1 FROM documents WHERE path = ? AND want_sha != ''", path))


def documents_at(db: Database, paths: Collection[str]) -> dict[str, DocumentRow]:
    """The documents at these paths, by path."""
    return {row.path: row for row in db.all_in(DocumentRow, "path", paths)}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwrittenDocument:
    """A document whose file does not hold what it should."""

    path: str
    kind: Kind
    absent: bool
    """Its file is missing, and was not found deleted."""
    status: Status | None
    """Of the task whose file it is; None: of none."""


def unwritten_documents(db: Database) -> list[UnwrittenDocument]:
    """The documents whose file does not hold what it should."""
    rows = db.query(
        "SELECT d.path, d.kind, d.absent_since IS NOT NULL AS absent, t.status FROM documents d"
        " LEFT JOIN tasks t ON t.path = d.path WHERE d.want_sha != d.file_sha"
    )
    return [
        UnwrittenDocument(
            path=row["path"], kind=Kind(row["kind"]), absent=bool(row["absent"]),
            status=Status(row["status"]) if row["status"] else None,
        )
        for row in rows
    ]  # fmt: skip


_KNOWN = (
    "SELECT path FROM documents WHERE file_sha != '' AND {below} UNION ALL SELECT path FROM notes WHERE {below}"
    " UNION ALL SELECT path FROM problems WHERE source IN ('read', 'copy') AND {below}"
)
_BELOW = "path > ?{at} AND path < ?{at} || char(0x10ffff)"


def known_paths(db: Database, below: str = "") -> list[str]:
    """The files that were there when they were last looked at; `below`: those in one folder, with a `/` at its end."""
    if not below:
        return [row["path"] for row in db.query(_KNOWN.format(below="1"))]
    return [row["path"] for row in db.query(_KNOWN.format(below=_BELOW.format(at=1)), below)]


def has_version(db: Database, path: str, sha: str) -> bool:
    """Whether a remembered version of the file at this path has these bytes."""
    return bool(db.scalar("SELECT 1 FROM bases WHERE path = ? AND sha = ?", path, sha))


def foreign_documents(db: Database, shas: Collection[str]) -> list[tuple[str, str]]:
    """Path and hash of every document that came by git and has one of these hashes."""
    rows = db.query_in("SELECT path, file_sha FROM documents WHERE pulled AND file_sha IN (?)", shas)
    return [(row["path"], row["file_sha"]) for row in rows]


def count_notes(db: Database) -> int:
    """Files in tasks/ that are listed and never run."""
    return int(db.scalar("SELECT count(*) FROM notes"))


def remove_note(db: Database, path: str) -> None:
    """The file at this path is not a note any more."""
    db.execute("DELETE FROM notes WHERE path = ?", path)


def held_as_copy(db: Database, path: str) -> bool:
    """Whether the file at this path is shown as a copy of another one."""
    return bool(db.scalar("SELECT 1 FROM problems WHERE path = ? AND source = 'copy'", path))


_BY_PATH = ("documents", "bases", "stats", "answers", "problems", "announced")
"""Tables that know a document by its path."""


def move_document(db: Database, old: str, new: str) -> None:
    """All that is known of a document that is not a task moves with it."""
    for table in _BY_PATH:
        db.execute(f"UPDATE OR REPLACE {table} SET path = ? WHERE path = ?", new, old)
    db.execute("UPDATE documents SET doc = ? WHERE path = ?", new.rpartition("/")[2].removesuffix(".md"), new)


def find_document(db: Database, path: str) -> DocumentRow | None:
    """The document at this path; None: it is not known."""
    return db.one(DocumentRow, "path = ?", path)


def note_paths(db: Database) -> list[str]:
    """Files in tasks/ that are listed and never run."""
    return [row["path"] for row in db.query("SELECT path FROM notes ORDER BY path")]


def documents_with_daemon_map(db: Database, paths: Collection[str]) -> frozenset[str]:
    """The paths of documents that may have a `cowork:` map, because the daemon has written into them."""
    rows = db.query_in("SELECT path FROM documents WHERE instr(want, 'cowork') AND path IN (?)", paths)
    return frozenset(row["path"] for row in rows)


def knows_content(db: Database, sha: str) -> bool:
    """Whether bytes with this hash are in the database, as a document or as a version of one."""
    return bool(
        db.scalar("SELECT 1 FROM documents WHERE want_sha = ? UNION SELECT 1 FROM bases WHERE sha = ?", sha, sha)
    )


def has_unwritten_files(db: Database) -> bool:
    """Whether a document or a record is still to be written to its file."""
    sql = "SELECT 1 FROM documents WHERE want_sha != file_sha AND absent_since IS NULL"
    sql += " UNION SELECT 1 FROM writes UNION SELECT 1 FROM records WHERE NOT written LIMIT 1"
    return bool(db.scalar(sql))


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierVersion:
    """A version of a document that is not the present content of its file."""

    path: str
    sha: str
    data: bytes
    at: float
    is_deleted: bool
    """The document is deleted."""
    task: str
    """The id of the task whose file it is; empty: none that is known."""


def earlier_versions(db: Database) -> list[EarlierVersion]:
    """Every version that is kept, newest first."""
    rows = db.query(
        "SELECT b.path, b.sha, b.bytes, max(b.at) AS at, coalesce(d.want_sha, '') = '' AS deleted,"
        " coalesce((SELECT id FROM tasks t WHERE t.path = b.path), '') AS task"
        " FROM bases b LEFT JOIN documents d ON d.path = b.path WHERE b.sha != coalesce(d.file_sha, '')"
        " GROUP BY b.path, b.sha ORDER BY at DESC, b.path"
    )
    return [
        EarlierVersion(
            path=row["path"], sha=row["sha"], data=row["bytes"], at=row["at"], is_deleted=bool(row["deleted"]),
            task=row["task"],
        )
        for row in rows
    ]  # fmt: skip


def documents_with_files(db: Database) -> list[tuple[str, bytes]]:
    """Path and content of every document whose file was there, and was not found deleted since."""
    rows = db.query("SELECT path, want FROM documents WHERE want_sha != '' AND file_sha != '' ORDER BY path")
    return [(row["path"], row["want"]) for row in rows]


def count_documents_beginning(db: Database, beginning: str) -> int:
    """The number of documents whose paths begin so."""
    return int(db.scalar("SELECT count(*) FROM documents WHERE path LIKE ?", f"{beginning}%"))


def task_document_paths(db: Database) -> list[str]:
    """Every path in `tasks/` that is known, also where no task could be read from it."""
    rows = db.query("SELECT path FROM documents WHERE kind = ? AND path LIKE 'tasks/%.md'", Kind.TASK)
    return [row["path"] for row in rows]


def add_note(db: Database, path: str) -> None:
    """The file at this path is listed and never run."""
    db.insert_batched("INSERT OR IGNORE INTO notes (path) VALUES (?)", path)


def paths_with_remarks(db: Database, paths: Collection[str]) -> frozenset[str]:
    """The paths that have a problem or are notes."""
    problems = db.query_in("SELECT path FROM problems WHERE path IN (?)", paths)
    notes = db.query_in("SELECT path FROM notes WHERE path IN (?)", paths)
    return frozenset(row["path"] for row in (*problems, *notes))


def agent_names(db: Database) -> list[str]:
    """The names of the agents that have a file."""
    rows = db.query("SELECT doc FROM documents WHERE kind = ? AND file_sha != '' ORDER BY doc", Kind.AGENT)
    return [row["doc"] for row in rows]


def absent_documents(db: Database) -> list[DocumentRow]:
    """The documents whose files are missing, and were not found deleted."""
    return db.all(DocumentRow, "absent_since IS NOT NULL")


def is_absent(db: Database, path: str) -> bool:
    """Whether the file of this document is missing."""
    return bool(db.scalar("SELECT 1 FROM documents WHERE path = ? AND absent_since IS NOT NULL", path))


def any_absent(db: Database) -> bool:
    """Whether any file is missing."""
    return bool(db.scalar("SELECT 1 FROM documents WHERE absent_since IS NOT NULL LIMIT 1"))


def count_absent(db: Database) -> tuple[int, int]:
    """The number of files that are missing, and of files that were there before."""
    row = db.query("SELECT count(absent_since) AS absent, count(*) AS total FROM documents WHERE file_sha != ''")[0]
    return row["absent"], row["total"]


_OF_A_TASK_FILE = ("documents", "bases", "tasks", "trusted", "problems")


def move_task_file(db: Database, old: str, new: str) -> None:
    """All that is known of a task's file moves with it."""
    for table in _OF_A_TASK_FILE:
        db.execute(f"UPDATE OR REPLACE {table} SET path = ? WHERE path = ?", new, old)
    db.execute("DELETE FROM stats WHERE path = ?", old)
