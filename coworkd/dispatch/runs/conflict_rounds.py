"""Conflicts go back to their author; after two rounds on one tip a person decides."""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.board.task_board import Board
from coworkd.core.model import Status
from coworkd.dispatch.runs.starter import RunStarter
from coworkd.store import RunState, SubmissionRow, SubmissionState, TaskRow

MAX_ROUNDS = 2
"""How often an author gets a conflict back before a person is asked."""


class ConflictRounds:
    """Starts resolving runs; used by the writer thread alone."""

    def __init__(self, board: Board, starter: RunStarter) -> None:
        self._board = board
        self._db = board.db
        self._starter = starter

    def send_back(self, submissions: Sequence[SubmissionRow], now: float) -> None:
        """Each conflicting submission to its author, as places become free, or to a person."""
        for submission in submissions:
            row = self._board.task(submission.task)
            if row.status is Status.WAITING or self._board.run(row.id) is not None:
                continue
            if row.conflict_rounds >= MAX_ROUNDS:
                self._to_a_person(row, submission, now)
            elif self._place_free():
                self._to_the_author(row, submission, now)

    def _place_free(self) -> bool:
        working = self._db.scalar(
            "SELECT count(*) FROM runs WHERE state NOT IN (?, ?)", RunState.ENDED, RunState.WAITING
        )
        return int(working) < self._board.specs.settings().concurrency

    def _to_the_author(self, row: TaskRow, submission: SubmissionRow, now: float) -> None:
        with self._db.write(durable=True):
            short = self._starter.start(row.id, row.agent_used, now, conflict=submission.bundle)
            if short is not None:
                self._board.set_status(row, row.status, f"its conflict waits: {short.reason}", now)
                return
            self._db.set(SubmissionRow, (row.id, submission.number), state=SubmissionState.RETIRED)
            self._db.event(
                now, "conflict sent back", task=row.id, number=submission.number, round=row.conflict_rounds + 1
            )
            self._board.update(row.id, conflict_rounds=row.conflict_rounds + 1)

    def _to_a_person(self, row: TaskRow, submission: SubmissionRow, now: float) -> None:
        why = (
            f"collides with what has landed since, and {MAX_ROUNDS} rounds did not resolve it: {submission.message};"
            " write a message to try again, `ready` after `paused` to start over, or merge"
            f" refs/cowork/sub/{row.id}/{submission.number} by hand and write `done`"
        )
        self._board.transition(row.id, Status.WAITING, why, now)
        self._db.event(now, "conflict to a person", task=row.id, number=submission.number)
