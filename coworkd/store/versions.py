"""Queries about the remembered versions of files: what people saved and what the daemon wrote."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coworkd.store.database import Database

MAX_VERSIONS = 40
"""How many versions of a file are remembered."""


class VersionAuthor(StrEnum):
    """Who wrote a version of a file."""

    USER = "person"
    DAEMON = "daemon"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """Bytes that were once in a file."""

    rev: int
    by_user: bool
    data: bytes


def stored_versions(db: Database, path: str) -> list[StoredVersion]:
    """The remembered versions of a file, latest first."""
    rows = db.query("SELECT rev, who, bytes FROM bases WHERE path = ? ORDER BY at DESC, rowid DESC", path)
    return [StoredVersion(rev=row["rev"], by_user=row["who"] == VersionAuthor.USER, data=row["bytes"]) for row in rows]


def add_version(db: Database, path: str, version: StoredVersion, sha: str, at: float) -> None:
    """Remember bytes as the latest of their kind for this revision."""
    db.insert_batched(
        "INSERT OR REPLACE INTO bases (path, rev, who, sha, bytes, at) VALUES (?, ?, ?, ?, ?, ?)",
        path, version.rev, VersionAuthor.USER if version.by_user else VersionAuthor.DAEMON, sha, version.data, at,
    )  # fmt: skip


def forget_old_versions(db: Database, path: str) -> None:
    """Let go of the oldest versions of a file that has many."""
    db.execute(
        "DELETE FROM bases WHERE path = ? AND at < (SELECT at FROM bases WHERE path = ? ORDER BY at DESC"
        " LIMIT 1 OFFSET ?)",
        path, path, MAX_VERSIONS,
    )  # fmt: skip
