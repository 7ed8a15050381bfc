"""Nights as the daemon lives through them: the machine stays awake, and `coworkd up --until` comes to its end."""

from __future__ import annotations

import logging

from coworkd.board.nights import night_now
from coworkd.board.task_board import Board
from coworkd.core.run_states import RunState
from coworkd.merge.merger import Merger
from coworkd.store.runs import runs_in
from coworkd.system.background_jobs import Jobs
from coworkd.system.sleep_inhibitor import SleepInhibitor

log = logging.getLogger("coworkd")

_AT_WORK = frozenset({RunState.PREPARING, RunState.WORKING, RunState.SUBMITTING})
"""A run that waits for a person does not run."""


class Nights:
    """Used by the writer thread alone."""

    def __init__(self, board: Board, jobs: Jobs, merge: Merger, sleep: SleepInhibitor) -> None:
        self._board = board
        self._db = board.db
        self._sleep = sleep
        self._jobs = jobs
        self._merge = merge

    def step(self, now: float) -> None:
        """Keep the machine awake while no person is there."""
        asleep = ""
        if night_now(self._board, now).unattended:
            asleep = self._sleep.hold()
        else:
            self._sleep.release()
        if asleep != self._db.state.may_sleep_reason:
            with self._db.write():
                self._db.state.may_sleep_reason = asleep
            if asleep:
                log.warning("nothing keeps this machine awake: %s", asleep)

    def is_over(self, now: float) -> bool:
        """Whether the time of `up --until` is past and nothing runs any more: no agent, no verification, no landing."""
        until = night_now(self._board, now).until
        if not until or now < until:
            return False
        return not (runs_in(self._db, _AT_WORK) or self._jobs.busy() or self._merge.has_work(now))

    def deadline(self, now: float) -> float | None:
        """When nothing starts any more; None: nothing was said of that, or it is past."""
        until = night_now(self._board, now).until
        return until if until > now else None
