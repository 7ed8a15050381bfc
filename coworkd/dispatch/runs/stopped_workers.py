"""Shows the runs in which nothing happens because a signal has stopped the process that looks after their agent."""

from __future__ import annotations

from collections.abc import Mapping

from coworkd.board.task_board import Board
from coworkd.dispatch.executors.port import Executor
from coworkd.store.problems import problem_paths
from coworkd.store.runs import find_live_run
from coworkd.system.process_state import ProcessState, described

_SOURCE = "stopped"


class StoppedWorkers:
    """Used by the writer thread alone."""

    def __init__(self, board: Board, executor: Executor) -> None:
        self._board = board
        self._db = board.db
        self._executor = executor
        self._shown: Mapping[str, int] | None = None
        """What the problems say; None: those of a former daemon."""

    def show(self, now: float) -> None:
        """A problem for each task whose run stands still, until it goes on."""
        stopped = self._executor.stopped()
        if stopped == self._shown:
            return
        with self._db.write():
            for path in problem_paths(self._db, _SOURCE):
                self._board.clear_problems(path, _SOURCE)
            for run_id, pid in stopped.items():
                if run := find_live_run(self._db, run_id):
                    self._board.add_problem(self._board.task(run.task), _SOURCE, stopped_message(pid), now)
        self._shown = stopped


def stopped_message(pid: int) -> str:
    """What is the matter, and what to type."""
    state = described(pid, ProcessState.STOPPED)
    return f"nothing happens in its run: the process that looks after its agent (pid {pid}) is {state}"
