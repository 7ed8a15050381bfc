"""Nights as the daemon lives through them: when `coworkd up --until` has come to its end."""

from __future__ import annotations

from coworkd.board.nights import night_now
from coworkd.board.task_board import Board
from coworkd.core.run_states import RunState
from coworkd.merge.merger import Merger
from coworkd.store.runs import runs_in
from coworkd.system.background_jobs import Jobs

_AT_WORK = frozenset({RunState.PREPARING, RunState.WORKING, RunState.SUBMITTING})
"""A run that waits for a person does not run."""


class Nights:
    """Used by the writer thread alone."""

    def __init__(self, board: Board, jobs: Jobs, merge: Merger) -> None:
        self._board = board
        self._jobs = jobs
        self._merge = merge

    def is_over(self, now: float) -> bool:
        """Whether the time of `up --until` is past and nothing runs any more: no agent, no verification, no landing."""
        until = night_now(self._board, now).until
        if not until or now < until:
            return False
        return not (runs_in(self._board.db, _AT_WORK) or self._jobs.busy() or self._merge.has_work(now))

    def deadline(self, now: float) -> float | None:
        """When nothing starts any more; None: nothing was said of that, or it is past."""
        until = night_now(self._board, now).until
        return until if until > now else None
