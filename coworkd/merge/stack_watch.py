"""Stacked submissions follow what they build on: moved when that is sent again, held back while there is nothing."""

from __future__ import annotations

from collections.abc import Mapping

from coworkd.board.stacks import stack_of
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.core.stack_rules import STACKED, Stack, reason_to_move
from coworkd.core.task_states import WITH_SUBMISSION
from coworkd.merge.reviews.service import ReviewService
from coworkd.store import SubmissionRow, SubmissionState
from coworkd.store.problems import problem_tasks, remove_task_problems
from coworkd.store.stacks import submissions_on_stacks
from coworkd.store.submissions import move_submission, submission_event

_SOURCE = "stack"
"""Of problems of tasks whose dependency will not land until a person acts."""


class StackWatch:
    """Used by the writer thread alone."""

    def __init__(self, board: Board, reviews: ReviewService) -> None:
        self._board = board
        self._db = board.db
        self._reviews = reviews
        self._seen_changes = -1

    def step(self, now: float) -> None:
        """Compare each stacked submission with what there is to build on now, where the database has changed."""
        if self._db.changes == self._seen_changes:
            return
        rows = submissions_on_stacks(self._db)
        stacks = {row.task: stack_of(self._db, row.task) for row in rows}
        for row in rows:
            self._move(row, stacks[row.task], now)
        for row in rows:
            self._say(row.task, stacks[row.task], now)
        self._show_blocked({task: stack.blocked for task, stack in stacks.items() if stack.blocked}, now)
        self._seen_changes = self._db.changes

    def _move(self, row: SubmissionRow, stack: Stack, now: float) -> None:
        """Have it merged and verified again; what a person approved is the change itself, and stays approved."""
        task = self._board.task(row.task)
        why = reason_to_move(row.state, row.stacked_on, stack)
        if not why or (row.state is SubmissionState.CONFLICTED and task.status is Status.WAITING):
            return
        with self._db.write(durable=True):
            if not row.approved:
                self._reviews.void(row, now)
            event = submission_event(row, now, EventKind.QUEUED_AGAIN, why=why)
            move_submission(
                self._db, row, SubmissionState.QUEUED, event, verified_on="", bundle="", held="",
                request=row.request if row.approved else "",
            )  # fmt: skip
            if task.status in WITH_SUBMISSION:
                self._board.set_status(task, Status.MERGING, why, now)

    def _say(self, name: str, stack: Stack, now: float) -> None:
        """Let the task say why it waits."""
        task = self._board.task(name)
        said = task.reason.startswith(STACKED)
        reason = stack.obstacle or ("what it made is being verified" if said else task.reason)
        if task.status in WITH_SUBMISSION and reason != task.reason:
            self._board.set_status(task, task.status, reason, now)

    def _show_blocked(self, blocked: Mapping[str, str], now: float) -> None:
        """Let the problems say which tasks wait until a person acts."""
        for name in sorted(problem_tasks(self._db, (_SOURCE,)) - blocked.keys()):
            remove_task_problems(self._db, name, _SOURCE)
        for name, why in blocked.items():
            self._board.add_problem(self._board.task(name), _SOURCE, why, now)
