"""Patterns of tool calls that people allowed."""

from __future__ import annotations

from coworkd.store.database import Database
from coworkd.store.rows import GrantRow


def granted_patterns(db: Database, task: str, agent: str) -> tuple[str, ...]:
    """The grants for the task, and the permanent grants for the agent in this workspace."""
    rows = db.query(
        "SELECT DISTINCT pattern FROM grants WHERE task = ? OR (task = '' AND agent = ?) ORDER BY pattern", task, agent
    )
    return tuple(row["pattern"] for row in rows)


def add_grant(db: Database, grant: GrantRow) -> None:
    db.put(grant)
