"""What commands said they would write, before they wrote it: path and hash of the bytes.

Whoever reads the bytes first, by an event or at the command's word, knows from here how they were said.
"""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.store.database import Database


def announce(db: Database, path: str, sha: str, *, tty: bool = False) -> None:
    """These bytes, once they are at this path, were written by a command; `tty`: by a person on a terminal."""
    db.execute(
        "DELETE FROM announced WHERE path = ? AND sha NOT IN (SELECT file_sha FROM documents WHERE path = ?)",
        path, path,
    )  # fmt: skip
    db.execute("INSERT OR REPLACE INTO announced (path, sha, tty) VALUES (?, ?, ?)", path, sha, int(tty))


def confirm_written(db: Database, path: str) -> None:
    """What this file says now was written by a command."""
    db.execute(
        "INSERT OR IGNORE INTO announced (path, sha, tty) SELECT path, file_sha, 0 FROM documents WHERE path = ?", path
    )


def written_by_command(db: Database, paths: Sequence[str]) -> frozenset[str]:
    """Those of the files whose present bytes a command wrote."""
    sql = (
        "SELECT a.path FROM announced a JOIN documents d ON d.path = a.path AND d.file_sha = a.sha WHERE a.path IN (?)"
    )
    return frozenset(row["path"] for row in db.query_in(sql, paths))


def announced_on_terminal(db: Database, path: str, sha: str) -> bool:
    """Whether a person on a terminal announced these bytes."""
    return bool(db.scalar("SELECT tty FROM announced WHERE path = ? AND sha = ?", path, sha))
