"""Every statement about tasks that more than one package needs."""

from __future__ import annotations

from coworkd.store.database import Database

_LAST = "\U0010ffff"


def task_ids(db: Database) -> list[str]:
    """The ids of all tasks."""
    return [row["id"] for row in db.query("SELECT id FROM tasks ORDER BY id")]


def tasks_beginning(db: Database, beginning: str, most: int) -> list[tuple[str, str]]:
    """Id and title of tasks whose ids begin so, which the primary key finds."""
    rows = db.query(
        "SELECT id, title FROM tasks WHERE id >= ? AND id < ? ORDER BY id LIMIT ?", beginning, beginning + _LAST, most
    )
    return [(row["id"], row["title"]) for row in rows]
