"""A task in review whose submission the database does not have, since it was lost: the refs have it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Mode, Status
from coworkd.merge.integration_jobs import IntegrationJobs
from coworkd.merge.job_values import StoredSubmission
from coworkd.store import SubmissionRow, SubmissionState, TaskRow
from coworkd.store.events import NewEvent
from coworkd.store.problems import remove_task_problems
from coworkd.store.submissions import add_submission, reviews_without_submission
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose

LOOK_UP: Job[str, StoredSubmission | None] = Job(name="search for a lost submission", purpose=Purpose.READING)
"""Its subject is the task."""
_SOURCE = "lost submission"


class LostSubmissions:
    """Restores lost submissions; used by the writer thread alone."""

    def __init__(self, board: Board, jobs: Jobs, integration: IntegrationJobs) -> None:
        self._board = board
        self._db = board.db
        self._jobs = jobs
        self._integration = integration
        jobs.handle(LOOK_UP, then=self._restore_submission, failed=self._report_failure)

    def start_search(self) -> None:
        """Start to look in git for what the database lacks."""
        branch, tasks = self._board.specs.settings().integration.branch, self._tasks_without_submission()
        self._forget_failures(tasks)
        for task in tasks:
            self._jobs.start(LOOK_UP, task.id, partial(self._integration.latest_submission, task.id, branch))

    def _tasks_without_submission(self) -> list[TaskRow]:
        """Tasks in review, but for those in plan mode: what is in review of these is a plan."""
        rows = reviews_without_submission(self._db)
        return [task for task in rows if self._board.specs.task(task.path).mode is not Mode.PLAN]

    def _restore_submission(self, name: str, stored: StoredSubmission | None, now: float) -> None:
        """Queue the submission again; its review is asked for again."""
        task = next((task for task in self._tasks_without_submission() if task.id == name), None)
        with self._db.write(durable=True):
            remove_task_problems(self._db, name, _SOURCE)
            if task is None:
                return
            if stored is None:
                why = "its submission is not to be found; write `ready` for a new attempt"
                self._board.set_status(task, Status.PAUSED, why, now)
                return
            row = SubmissionRow(
                task=task.id, number=stored.number, attempt=task.attempt, base=stored.base, commit_id=stored.commit,
                tree=stored.tree, state=SubmissionState.QUEUED, created=now, needs_approval=True,
            )  # fmt: skip
            data = {"number": stored.number}
            add_submission(
                self._db, row, NewEvent(at=now, kind=EventKind.SUBMISSION_FOUND_AGAIN, task=task.id, data=data)
            )

    def _report_failure(self, name: str, failure: JobFailed, now: float) -> None:
        message = f"its submission cannot be looked for: {failure.reason}; {failure.retry}"
        for task in self._tasks_without_submission():
            if task.id == name:
                with self._db.write():
                    self._board.add_problem(task, _SOURCE, message, now)

    def _forget_failures(self, tasks: Sequence[TaskRow]) -> None:
        """Forget failed searches of tasks that need none any more."""
        for name in self._jobs.failing(LOOK_UP) - {task.id for task in tasks}:
            self._jobs.forget(LOOK_UP, name)
            with self._db.write():
                remove_task_problems(self._db, name, _SOURCE)
