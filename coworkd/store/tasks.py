"""Queries about tasks."""

from __future__ import annotations

from coworkd.store.database import Database


def task_ids(db: Database) -> list[str]:
    """The ids of all tasks."""
    return [row["id"] for row in db.query("SELECT id FROM tasks ORDER BY id")]
