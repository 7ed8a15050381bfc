"""Which tasks a task depends on."""

from __future__ import annotations

from coworkd.store.database import Database

_ALL_NEEDED = (
    "WITH RECURSIVE found (id) AS (SELECT needed FROM needs WHERE task = ?"
    " UNION SELECT n.needed FROM needs n JOIN found ON n.task = found.id) SELECT id FROM found"
)
"""Every task that one depends on, through others too; cycles end."""


def all_dependencies(db: Database, task: str) -> frozenset[str]:
    """The tasks that this one depends on, directly or through others."""
    return frozenset(row["id"] for row in db.query(_ALL_NEEDED, task))
