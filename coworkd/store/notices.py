"""Notices about files that a person wrote where nothing reads them; they go when the file is corrected."""

from __future__ import annotations

from coworkd.store.database import Database
from coworkd.store.versions import VersionAuthor


def noticed_paths(db: Database, source: str) -> list[str]:
    """The paths of files with a notice of this source."""
    return [row["path"] for row in db.query("SELECT path FROM problems WHERE source = ? ORDER BY path", source)]


def remove_notice(db: Database, path: str, source: str) -> None:
    db.execute("DELETE FROM problems WHERE path = ? AND source = ?", path, source)


def daemon_versions(db: Database, path: str) -> list[bytes]:
    """The versions of a document that the daemon wrote, latest first. A later one may hold a person's text."""
    sql = "SELECT bytes FROM bases WHERE path = ? AND who = ? ORDER BY at DESC, rowid DESC"
    return [row["bytes"] for row in db.query(sql, path, VersionAuthor.DAEMON)]
