"""What the database knows of the workspace's files: versions, notes."""

from __future__ import annotations

from coworkd.store.database import Database


def is_document(db: Database, path: str) -> bool:
    """Whether a document has been taken in from this path, and was not deleted since."""
    return bool(db.scalar("SELECT 1 FROM documents WHERE path = ? AND want_sha != ''", path))


def has_version(db: Database, path: str, sha: str) -> bool:
    """Whether a remembered version of the file at this path has these bytes."""
    return bool(db.scalar("SELECT 1 FROM bases WHERE path = ? AND sha = ?", path, sha))


def count_notes(db: Database) -> int:
    """Files in tasks/ that are listed and never run."""
    return int(db.scalar("SELECT count(*) FROM notes"))


def held_as_copy(db: Database, path: str) -> bool:
    """Whether the file at this path is shown as a copy of another one."""
    return bool(db.scalar("SELECT 1 FROM problems WHERE path = ? AND source = 'copy'", path))
