"""What follows for the tasks that depend on one whose change is taken back."""

from __future__ import annotations

from collections.abc import Collection

from coworkd.board.task_board import Board
from coworkd.core.model import Status
from coworkd.store import Database, SubmissionKind
from coworkd.store.dependencies import all_dependants, all_dependencies, landed_dependants
from coworkd.store.tasks import find_task

_AT_WORK = (Status.RUNNING, Status.WAITING)
"""What waits in the merge queue lands behind its dependencies anyway, and so does what has not started."""


def goes_after(db: Database, task: str, kind: SubmissionKind, others: Collection[str]) -> bool:
    """Whether one of the others, for which the same is asked, comes first: what builds on a change leaves before it.

    Tasks that depend on each other wait for none of them.
    """
    above, below = all_dependants(db, task), all_dependencies(db, task)
    first = above - below if kind is SubmissionKind.REVERT else below - above
    return not first.isdisjoint(others)


def pause_dependants(board: Board, task: str, now: float) -> tuple[str, ...]:
    """Pause the tasks at work that depend on what was taken back; the result is what depends on it and has landed."""
    for name in sorted(all_dependants(board.db, task)):
        row = find_task(board.db, name)
        if row is not None and row.status in _AT_WORK:
            reason = f"`{task}`, which it depends on, was taken back: `coworkd ready {row.id}` has it go on"
            board.stop_runs(row.id)
            board.void_requests(row.id, now)
            board.transition(row.id, Status.PAUSED, reason, now)
    return tuple(landed_dependants(board.db, task))
