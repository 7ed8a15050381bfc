"""Notices about files that a person wrote where nothing reads them; they go when the file is corrected."""

from __future__ import annotations

from coworkd.store.database import Database
from coworkd.store.versions import VersionAuthor


def noticed_paths(db: Database, source: str) -> list[str]:
    """What there are notices of this source about."""
    return [row["path"] for row in db.query("SELECT path FROM problems WHERE source = ? ORDER BY path", source)]


def remove_notice(db: Database, path: str, source: str) -> None:
    db.execute("DELETE FROM problems WHERE path = ? AND source = ?", path, source)


def daemon_versions(db: Database, path: str) -> list[bytes]:
    """What the daemon wrote into a document, the latest first. A later write may be an edit of a person's text."""
    sql = "SELECT bytes FROM bases WHERE path = ? AND who = ? ORDER BY at DESC, rowid DESC"
    return [row["bytes"] for row in db.query(sql, path, VersionAuthor.DAEMON)]
