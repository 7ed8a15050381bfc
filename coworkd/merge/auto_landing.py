"""`land: auto`: the target follows as soon as something has landed and nothing is in the way."""

from __future__ import annotations

from collections.abc import Callable

from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Problem
from coworkd.merge.git.target_sync import LandedInTarget, TargetRefused
from coworkd.store.landings import Landings
from coworkd.store.problems import put_problem, remove_problem
from coworkd.sync.effective_specs import CONFIG
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose

INTO_TARGET: Job[None, LandedInTarget | TargetRefused] = Job(name="landing in the target", purpose=Purpose.INTEGRATION)
SOURCE = "land"
"""The source of problems of a target that cannot follow by itself."""
RETRY_AFTER = 30.0
"""Seconds before it is tried again where the target refused."""
RETRY_WHEN_MOVING = 3.0
"""The same where it only moved too often: verifications that come to nothing are not to fill a processor."""

TargetLandingJob = Callable[[], LandedInTarget | TargetRefused]
"""A job that brings the integration branch into its target."""


class AutoLanding:
    """Used by the writer thread alone."""

    def __init__(self, board: Board, jobs: Jobs, target_landing_job: Callable[[], TargetLandingJob]) -> None:
        self._board = board
        self._db = board.db
        self._jobs = jobs
        self._target_landing_job = target_landing_job
        self._retry_at = 0.0
        """0: nothing is waited for."""
        jobs.handle(INTO_TARGET, then=self._handle_result, failed=self._handle_failure)

    def step(self, now: float, *, busy: bool) -> None:
        """Start to land where there is something to land; `busy`: the branches are being worked on."""
        state = self._db.state
        if self._board.specs.settings().integration.land != "auto" or state.integration_tip == state.landed_tip:
            self._retry_at = 0.0
            return
        if not busy and now >= self._retry_at and Landings(self._db).has_landed():
            self._jobs.start(INTO_TARGET, None, self._target_landing_job())

    def deadline(self) -> float:
        """When it is tried again; 0: nothing is waited for."""
        return self._retry_at

    def _handle_result(self, _: None, value: LandedInTarget | TargetRefused, now: float) -> None:
        with self._db.write():
            remove_problem(self._db, CONFIG, SOURCE)
            if isinstance(value, LandedInTarget):
                self._retry_at = 0.0
                self._db.state.landed_tip = self._db.state.integration_tip
                self._db.event(now, EventKind.LANDED_IN_TARGET, commit=value.commit, moved=value.moved)
                return
            self._retry_at = now + (RETRY_WHEN_MOVING if value.moving else RETRY_AFTER)
            message = f"`land: auto` waits{self._moving_reason() if value.moving else f': {value.reason}'}"
            put_problem(self._db, Problem(path=CONFIG, line=0, message=message), SOURCE, now)

    def _moving_reason(self) -> str:
        target = self._board.specs.target()
        return f" for a quiet moment of {target}: it moved while what has landed was verified together with it"

    def _handle_failure(self, _: None, failure: JobFailed, now: float) -> None:
        message = f"`land: auto` failed: {failure.reason}; {failure.retry}, or with `coworkd land`"
        with self._db.write():
            put_problem(self._db, Problem(path=CONFIG, line=0, message=message), SOURCE, now)
