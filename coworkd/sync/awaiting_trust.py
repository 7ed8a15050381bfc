"""Which settings and agents wait for a person's trust.

Reads the database alone, so that whoever only wants to show it need not decode a document.
"""

from __future__ import annotations

from coworkd.store import Database


def awaiting_trust(db: Database) -> dict[str, float]:
    """Settings and agents whose present bytes came by git and are not trusted: their paths, and since when."""
    rows = db.query(
        "SELECT d.path, d.changed_at FROM documents d LEFT JOIN trusted t ON t.path = d.path"
        " WHERE d.kind IN ('config', 'agent') AND d.pulled AND d.file_sha != ''"
        " AND (t.sha IS NULL OR t.sha != d.want_sha) ORDER BY d.path"
    )
    return {row["path"]: row["changed_at"] for row in rows}
