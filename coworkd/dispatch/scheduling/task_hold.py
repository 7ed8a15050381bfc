"""One task waits because something that it alone starts from is missing: a problem on its file, no attempt.

Retried after growing pauses, and by `coworkd ready`.
"""

from __future__ import annotations

from coworkd.board.task_board import Board
from coworkd.core.start_faults import StartFault
from coworkd.dispatch.scheduling.setup_hold import setup_retry_pause
from coworkd.store import TaskRow
from coworkd.store.problems import problem_paths
from coworkd.store.start_problems import SOURCE, unprepared_runs


class TaskHold:
    """Used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db = board.db

    def hold_task(self, row: TaskRow, fault: StartFault, now: float) -> tuple[str, float]:
        """The task could not start: its file shows why. Returns the reason, and when the task is retried."""
        message = (
            f"cannot start: {fault.reason}. No attempt is used: {fault.advice(row.id)}; coworkd tries again by itself"
        )
        self._board.add_problem(row, SOURCE, message, now)
        pause = setup_retry_pause(unprepared_runs(self._db, row.id, row.attempt) - 1)
        return f"cannot start: {fault.reason}", now + pause

    def release(self, row: TaskRow) -> None:
        """The task has its slot: remove the problem."""
        if row.path in problem_paths(self._db, SOURCE):
            with self._db.write():
                self._board.clear_problems(row.path, SOURCE)
