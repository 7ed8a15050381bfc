"""Tasks that cannot start because something that they alone start from is missing."""

from __future__ import annotations

from coworkd.core.model import Status
from coworkd.core.run_states import RunState
from coworkd.core.runs import RunReason
from coworkd.store.database import Database

SOURCE = "start"
"""Of the problems on their files."""


def unprepared_runs(db: Database, task: str, attempt: int) -> int:
    """How many runs of an attempt ended because no slot could be made ready."""
    return db.scalar(
        "SELECT count(*) FROM runs WHERE task = ? AND attempt = ? AND state = ? AND reason = ?",
        task, attempt, RunState.ENDED, RunReason.SETUP,
    )  # fmt: skip


def try_task_now(db: Database, path: str) -> None:
    """Let a task that could not start be retried at once."""
    db.execute(
        "UPDATE tasks SET not_before = 0.0 WHERE path = ? AND status = ?"
        " AND EXISTS (SELECT 1 FROM problems p WHERE p.path = tasks.path AND p.source = ?)",
        path, Status.READY, SOURCE,
    )  # fmt: skip
