"""The night as the workspace's settings and the running daemon have it."""

from __future__ import annotations

from coworkd.board.task_board import Board
from coworkd.core.nights import Night, NightTasks, night_at
from coworkd.store.runs import tasks_begun_since


def night_now(board: Board, now: float) -> Night:
    """What holds at this time, because no person is there."""
    return night_at(board.specs.settings().night, board.db.state.until, now)


def night_tasks(board: Board, night: Night) -> NightTasks | None:
    """How many tasks may begin in the window of this night; None: nothing bounds that."""
    if night.window is None or night.caps is None or night.caps.max_tasks is None:
        return None
    begun = tasks_begun_since(board.db, night.window.begin)
    return NightTasks(most=night.caps.max_tasks, begun=begun, until=night.window.end)
