"""Notices about files that a person wrote where nothing reads them; they go when the file is corrected."""

from __future__ import annotations

from coworkd.store.database import Database


def noticed_paths(db: Database, source: str) -> list[str]:
    """What there are notices of this source about."""
    return [row["path"] for row in db.query("SELECT path FROM problems WHERE source = ? ORDER BY path", source)]


def remove_notice(db: Database, path: str, source: str) -> None:
    db.execute("DELETE FROM problems WHERE path = ? AND source = ?", path, source)


def daemon_version(db: Database, path: str) -> bytes | None:
    """The latest bytes that the daemon wrote into a document; None when it never did."""
    sql = "SELECT bytes FROM bases WHERE path = ? AND who = 'daemon' ORDER BY at DESC, rowid DESC LIMIT 1"
    return db.scalar(sql, path)
