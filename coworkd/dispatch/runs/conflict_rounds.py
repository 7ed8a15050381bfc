"""Conflicts go back to their author; after two rounds on one tip a person decides."""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.dispatch.runs.starter import RunStarter
from coworkd.dispatch.scheduling.capacity import CapacityReader
from coworkd.dispatch.scheduling.scheduler import Postponed
from coworkd.store import RunRow, SubmissionRow, SubmissionState, TaskRow
from coworkd.store.runs import has_live_run
from coworkd.store.submissions import conflict_of, move_submission, submission_event

MAX_ROUNDS = 2
"""How often an author gets a conflict back before a person is asked."""


def return_conflict(board: Board, run: RunRow, reason: str, until: float, now: float) -> None:
    """The run never began: its conflict waits as before, until then at least, and no round is used.

    Inside of a transaction.
    """
    row = board.task(run.task)
    retired = conflict_of(board.db, row.id, run.conflict)
    to, rounds = Status.READY, row.conflict_rounds
    if retired is not None and retired.state is SubmissionState.RETIRED:
        to, rounds = Status.MERGING, max(row.conflict_rounds - 1, 0)
        event = submission_event(retired, now, EventKind.CONFLICT_WAITS_AGAIN, why=reason)
        move_submission(board.db, retired, SubmissionState.CONFLICTED, event)
    board.transition(row.id, to, reason, now, attempt=row.attempt - 1, conflict_rounds=rounds, not_before=until)


class ConflictRounds:
    """Starts resolving runs; used by the writer thread alone."""

    def __init__(self, board: Board, starter: RunStarter, capacity: CapacityReader) -> None:
        self._board = board
        self._db = board.db
        self._starter = starter
        self._capacity = capacity

    def send_back(self, submissions: Sequence[SubmissionRow], now: float) -> list[Postponed]:
        """Each conflicting submission to its author, as far as there is capacity, or to a person.

        Returns what waits for capacity.
        """
        waiting: list[Postponed] = []
        for submission in submissions:
            row = self._board.task(submission.task)
            if row.status is Status.WAITING or row.not_before > now or has_live_run(self._db, row.id):
                continue
            if row.conflict_rounds >= MAX_ROUNDS:
                self._leave_to_person(row, submission, now)
            elif postponed := self._capacity.start_postponement(row.id, row.agent_used, now):
                waiting.append(postponed)
                self._store_wait_reason(row, postponed.reason, now)
            else:
                self._send_to_author(row, submission, now)
        return waiting

    def deadline(self, submissions: Sequence[SubmissionRow], now: float) -> float | None:
        """When one that waits may be sent back."""
        times = (self._board.task(submission.task).not_before for submission in submissions)
        return min((at for at in times if at > now), default=None)

    def _store_wait_reason(self, row: TaskRow, reason: str, now: float) -> None:
        """Say why the conflict has not gone back to its author yet."""
        text = f"its conflict {reason}" if reason.startswith("waits ") else f"its conflict waits: {reason}"
        if row.reason != text:
            self._board.set_status(row, row.status, text, now)

    def _send_to_author(self, row: TaskRow, submission: SubmissionRow, now: float) -> None:
        with self._db.write(durable=True):
            short = self._starter.start(row.id, row.agent_used, now, conflict=submission.bundle)
            if short is not None:
                self._store_wait_reason(row, short.reason, now)
                return
            event = submission_event(submission, now, EventKind.CONFLICT_SENT_BACK, round=row.conflict_rounds + 1)
            move_submission(self._db, submission, SubmissionState.RETIRED, event)
            self._board.update(row.id, conflict_rounds=row.conflict_rounds + 1)

    def _leave_to_person(self, row: TaskRow, submission: SubmissionRow, now: float) -> None:
        why = (
            f"collides with what has landed since, and {MAX_ROUNDS} rounds did not resolve it: {submission.message};"
            " write a message to try again, `ready` after `paused` to start over, or merge"
            f" refs/cowork/sub/{row.id}/{submission.number} by hand and write `done`"
        )
        self._board.transition(row.id, Status.WAITING, why, now)
        self._db.event(now, EventKind.CONFLICT_NEEDS_PERSON, task=row.id, number=submission.number)
