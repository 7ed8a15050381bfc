"""Queries about writes of files that are under way, and about the displaced files that are kept for a while."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingWrite:
    """A write between its first step and its last."""

    path: str
    expected: str
    """The hash of the bytes that it goes over; empty: there is to be no file."""
    sha: str
    temporary: str
    """The name that holds the new bytes before the exchange, and the displaced ones after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplacedFile:
    """A file in the trash that an editor may still write into."""

    name: str
    path: str
    sha: str


def add_pending_write(db: Database, write: PendingWrite, data: bytes) -> None:
    """Commit to a write before its first step."""
    db.execute(
        "INSERT OR REPLACE INTO writes (path, expected, sha, bytes, temp) VALUES (?, ?, ?, ?, ?)",
        write.path, write.expected, write.sha, data, write.temporary,
    )  # fmt: skip


def is_write_pending(db: Database, path: str) -> bool:
    return db.scalar("SELECT 1 FROM writes WHERE path = ?", path) is not None


def any_write_pending(db: Database) -> bool:
    return db.scalar("SELECT 1 FROM writes LIMIT 1") is not None


def is_temporary_in_use(db: Database, temporary: str) -> bool:
    """Whether a pending write needs this temporary file."""
    return db.scalar("SELECT 1 FROM writes WHERE temp = ?", temporary) is not None


def pending_writes(db: Database) -> list[PendingWrite]:
    """Every write that was not finished."""
    rows = db.query("SELECT path, expected, sha, temp FROM writes")
    return [PendingWrite(path=r["path"], expected=r["expected"], sha=r["sha"], temporary=r["temp"]) for r in rows]


def remove_pending_write(db: Database, path: str) -> None:
    """The write is finished or undone."""
    db.execute("DELETE FROM writes WHERE path = ?", path)


def add_displaced_file(db: Database, file: DisplacedFile, check_at: float) -> None:
    """Look at a displaced file once more at this time."""
    db.execute(
        "INSERT OR REPLACE INTO trash (name, path, sha, check_at) VALUES (?, ?, ?, ?)",
        file.name, file.path, file.sha, check_at,
    )  # fmt: skip


def displaced_files_due(db: Database, now: float) -> list[DisplacedFile]:
    """The displaced files to look at now."""
    if (first := next_displaced_check(db)) is None or first > now:
        return []
    rows = db.query("SELECT name, path, sha FROM trash WHERE check_at <= ?", now)
    return [DisplacedFile(name=row["name"], path=row["path"], sha=row["sha"]) for row in rows]


def check_displaced_file_at(db: Database, name: str, check_at: float) -> None:
    """Look at it later: it could not be read."""
    db.execute("UPDATE trash SET check_at = ? WHERE name = ?", check_at, name)


def remove_displaced_file(db: Database, name: str) -> None:
    """It has been looked at."""
    db.execute("DELETE FROM trash WHERE name = ?", name)


def next_displaced_check(db: Database) -> float | None:
    """When the next displaced file is to be checked."""
    return db.scalar("SELECT min(check_at) FROM trash")
