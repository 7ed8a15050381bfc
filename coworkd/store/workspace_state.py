"""What is known of the workspace as a whole."""

from __future__ import annotations

from coworkd.store.database import Database


def problem_paths(db: Database, source: str) -> frozenset[str]:
    """The paths with a problem of this source."""
    return frozenset(row["path"] for row in db.query("SELECT path FROM problems WHERE source = ?", source))
