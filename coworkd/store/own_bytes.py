"""What was typed or written here: path and hash of the bytes.

Wherever git may put them away and bring them back, at that path they stay what was typed here.
"""

from __future__ import annotations

from collections.abc import Collection

from coworkd.store.database import Database

ANYWHERE = ""
"""The path of bytes whose path an earlier version did not keep."""


def add_own(db: Database, path: str, sha: str) -> None:
    """Remember that these bytes were typed or written here, at this path."""
    db.insert_batched("INSERT OR IGNORE INTO own_bytes (path, sha) VALUES (?, ?)", path, sha)


def own_paths(db: Database, shas: Collection[str]) -> dict[str, set[str]]:
    """By hash, every path at which these bytes were typed or written here."""
    found: dict[str, set[str]] = {}
    for row in db.query_in("SELECT path, sha FROM own_bytes WHERE sha IN (?)", shas):
        found.setdefault(row["sha"], set()).add(row["path"])
    return found
