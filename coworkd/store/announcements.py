"""What commands announced before they wrote it: path and hash of the bytes.

However the daemon first sees the bytes, by a file event or at the command's request, it knows from here that a command
wrote them.
"""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.store.database import Database


def announce(db: Database, path: str, sha: str, *, on_terminal: bool = False) -> None:
    """Record that a command is about to write these bytes to this path; `on_terminal`: a person gave it there."""
    db.execute(
        "DELETE FROM announced WHERE path = ? AND sha NOT IN (SELECT file_sha FROM documents WHERE path = ?)",
        path, path,
    )  # fmt: skip
    db.execute("INSERT OR REPLACE INTO announced (path, sha, tty) VALUES (?, ?, ?)", path, sha, int(on_terminal))


def mark_written_by_command(db: Database, path: str, *, on_terminal: bool) -> None:
    """Mark the file's current content as written by a command."""
    db.execute(
        "INSERT OR IGNORE INTO announced (path, sha, tty) SELECT path, file_sha, ? FROM documents WHERE path = ?",
        int(on_terminal), path,
    )  # fmt: skip


def announced_files(db: Database, paths: Sequence[str]) -> dict[str, bool]:
    """The files among these whose present bytes a command wrote, and whether it was given on a terminal."""
    rows = db.query_in(
        "SELECT a.path, a.tty FROM announced a JOIN documents d ON d.path = a.path AND d.file_sha = a.sha"
        " WHERE a.path IN (?)",
        paths,
    )
    return {row["path"]: bool(row["tty"]) for row in rows}


def announced_on_terminal(db: Database, path: str, sha: str) -> bool:
    """Whether a person on a terminal announced these bytes."""
    return bool(db.scalar("SELECT tty FROM announced WHERE path = ? AND sha = ?", path, sha))
