"""Tasks that cannot start for something that they alone start from."""

from __future__ import annotations

from coworkd.store.database import Database

SOURCE = "start"
"""Of the problems on their files."""


def unprepared_runs(db: Database, task: str, attempt: int) -> int:
    """How many runs of an attempt ended because no slot could be made ready."""
    return db.scalar(
        "SELECT count(*) FROM runs WHERE task = ? AND attempt = ? AND state = 'ended' AND reason = 'setup'",
        task, attempt,
    )  # fmt: skip


def try_task_now(db: Database, path: str) -> None:
    """Have a task that could not start be tried at once."""
    db.execute(
        "UPDATE tasks SET not_before = 0.0 WHERE path = ? AND status = 'ready'"
        " AND EXISTS (SELECT 1 FROM problems p WHERE p.path = tasks.path AND p.source = ?)",
        path, SOURCE,
    )  # fmt: skip
