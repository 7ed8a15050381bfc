"""Names that people type: ids of tasks, and what waits for an approval."""

from __future__ import annotations

from coworkd.store.database import Database

_TASKS = "SELECT id, title FROM tasks WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
"""Ids that begin so, which the primary key finds."""

_REQUESTED = (
    "SELECT DISTINCT task FROM requests WHERE state = 'open' AND kind IN ('tool', 'merge', 'plan') ORDER BY task"
)

_LAST = "\U0010ffff"


def tasks_beginning(db: Database, beginning: str, most: int) -> list[tuple[str, str]]:
    """Id and title of tasks whose ids begin so."""
    return [(row["id"], row["title"]) for row in db.query(_TASKS, beginning, beginning + _LAST, most)]


def task_ids(db: Database) -> list[str]:
    """The ids of all tasks."""
    return [row["id"] for row in db.query("SELECT id FROM tasks ORDER BY id")]


def tasks_with_requests(db: Database) -> list[str]:
    """Tasks about which a person is asked for an approval."""
    return [row["task"] for row in db.query(_REQUESTED)]
