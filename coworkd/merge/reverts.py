"""Reverts of landed changes, and their opposite, as a person asks for them in a review.

`status: revert` or `status: apply` is the approval as well: what follows is verified like any change and lands by
itself. Where it cannot be done the status is put back, with a problem that says why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from coworkd.board.approvals.answer_channel import answer_channel
from coworkd.board.approvals.answers import submitted_answer
from coworkd.board.approvals.decision import SubmittedAnswer
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Problem, Status
from coworkd.merge.git.revert_commits import RevertCommit, RevertFailed
from coworkd.merge.reviews.service import review_path
from coworkd.store import SubmissionKind, SubmissionRow, SubmissionState, TaskRow
from coworkd.store.answers import revert_requests, set_review_status
from coworkd.store.events import NewEvent
from coworkd.store.problems import put_problem
from coworkd.store.requests import has_open_request_in, latest_request_in
from coworkd.store.submissions import (
    add_submission,
    next_number,
    pending_revert,
    retire_submission,
    submissions_of,
)
from coworkd.store.tasks import find_task
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose


class RevertKey(NamedTuple):
    """What is reverted or applied again, and the number of the submission that does it."""

    task: str
    kind: SubmissionKind
    number: int

    def __str__(self) -> str:
        return f"{self.kind} {self.task}/{self.number}"


INVERT: Job[RevertKey, RevertCommit | RevertFailed] = Job(name="revert", purpose=Purpose.INTEGRATION)
"""Makes the commit that undoes a landing."""

_STATUS_AFTER = {SubmissionKind.REVERT: "reverted", SubmissionKind.APPLY: "landed"}
_SOURCE = "revert"


@dataclass(frozen=True, slots=True, kw_only=True)
class _RevertRequest:
    task: TaskRow
    kind: SubmissionKind


class RevertService:
    """Reverts and their opposite; used by the writer thread alone."""

    def __init__(
        self, board: Board, jobs: Jobs, file_revert: Callable[[str, str, int, str], RevertCommit | RevertFailed]
    ) -> None:
        """`file_revert` makes the commit and its ref: landing, task, number of the submission, integration branch."""
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._jobs = jobs
        self._file_revert = file_revert
        jobs.handle(INVERT, then=self._record_commit, failed=self._report_failure)

    def start_requested(self, now: float) -> None:
        """Start the job of every review that asks for one and has none."""
        requests = revert_requests(self._db)
        self._forget_failures({(_task_of(path), kind) for path, kind in requests})
        for path, kind in requests:
            request = self._revert_request(path, kind, now)
            if request is not None and not self._is_running(request.task.id):
                self._start(request)

    def _forget_failures(self, requested: Collection[tuple[str, SubmissionKind]]) -> None:
        """Forget failures of what is no longer requested: it may be requested again at once."""
        for key in self._jobs.failing(INVERT):
            if (key.task, key.kind) not in requested:
                self._jobs.forget(INVERT, key)

    def _revert_request(self, path: str, kind: SubmissionKind, now: float) -> _RevertRequest | None:
        """What a person requests, where it can be done; else the status is put back."""
        task = find_task(self._db, _task_of(path))
        if task is not None and self._is_running(task.id):
            return _RevertRequest(task=task, kind=kind)
        answer = submitted_answer(self._db, path)
        if answer.pulled:
            self._show_problem(path, f"`status: {kind}` came by git and was not written here; write it here", now)
            return None
        reason = self._refusal_reason(task, kind, answer)
        if reason or task is None:
            self._reject(path, kind, reason, now)
            return None
        return _RevertRequest(task=task, kind=kind)

    def _refusal_reason(self, task: TaskRow | None, kind: SubmissionKind, answer: SubmittedAnswer) -> str:
        if task is None:
            return "only the latest review of a task takes this status"
        if task.owned_elsewhere:
            return f"the task is on {task.by}"
        latest = latest_request_in(self._db, review_path(task.id))
        if latest is not None and answer.request != latest.id:
            return "this is an older version of the review; look at the present one"
        if task.status is not Status.DONE:
            return f"the task is {task.status}: only what is done can be taken back or brought again"
        if kind is SubmissionKind.REVERT and not task.landed:
            return "it has been taken back already" if task.reverted else "nothing of it has landed"
        return "it was not taken back" if kind is SubmissionKind.APPLY and not task.reverted else ""

    def _is_running(self, task: str) -> bool:
        if any(key.task == task for key in self._jobs.running(INVERT)):
            return True
        return pending_revert(self._db, task)

    def _start(self, request: _RevertRequest) -> None:
        task = request.task
        number = next_number(self._db, task.id)
        landing = task.landed if request.kind is SubmissionKind.REVERT else task.reverted
        branch = self._board.specs.settings().integration.branch
        key = RevertKey(task.id, request.kind, number)
        self._jobs.start(INVERT, key, lambda: self._file_revert(landing, task.id, number, branch))

    def _report_failure(self, key: RevertKey, failure: JobFailed, now: float) -> None:
        """Git or the file system failed: show that in the review, which still requests it."""
        path = review_path(key.task)
        message = f"`status: {key.kind}` could not be done: {failure.reason}; {failure.retry}"
        self._show_problem(path, f"{message}; write `status: {self._current_status(path)}` to give it up", now)

    def _record_commit(self, key: RevertKey, value: RevertCommit | RevertFailed, now: float) -> None:
        """Queue the commit as a submission, or put the status back where there is none."""
        task_id, kind, number = key
        task = self._board.task(task_id)
        with self._db.write(durable=True):
            if isinstance(value, RevertFailed):
                self._reject(review_path(task_id), kind, value.reason, now)
                return
            row = SubmissionRow(
                task=task_id, number=number, attempt=task.attempt, base=value.landing, commit_id=value.commit,
                tree=value.tree, state=SubmissionState.QUEUED, created=now, message=_later_tasks_text(value.later),
                needs_approval=False, approved=True, kind=kind,
            )  # fmt: skip
            self._board.clear_problems(review_path(task_id), _SOURCE)
            how = answer_channel(self._db, review_path(task_id))
            data = {"via": how, "what": kind, "number": number}
            event = NewEvent(at=now, kind=EventKind.REVERT_ASKED, task=task_id, actor="person", data=data)
            add_submission(self._db, row, event)

    # ---- results

    def record_landed(self, task: TaskRow, row: SubmissionRow, commit: str, now: float) -> None:
        """Record that the integration branch no longer has the change, or has it again."""
        status, reason = _STATUS_AFTER[row.kind], _TASK_REASONS[row.kind]
        where = {"landed": "", "reverted": commit[:12]}
        if row.kind is SubmissionKind.APPLY:
            where = {"landed": commit[:12], "reverted": ""}
        elif earlier := standing_landing(submissions_of(self._db, task.id), before=row.number):
            status, where = "landed", {"landed": earlier[:12], "reverted": ""}
            reason = f"its latest change was taken back by hand; what it landed before stands, as {earlier[:12]}"
        self._set_status(review_path(task.id), status)
        reason = "; ".join(part for part in (reason, row.message) if part)
        self._board.set_status(task, task.status, reason, now, **where)

    def record_refused(self, row: SubmissionRow, reason: str, now: float) -> None:
        """It conflicts with what landed since, or is red: the change stays as it is."""
        retire_submission(self._db, row, reason, now)
        self._reject(review_path(row.task), row.kind, reason, now)

    def _reject(self, path: str, kind: SubmissionKind, reason: str, now: float) -> None:
        with self._db.write():
            self._set_status(path, self._current_status(path))
            self._show_problem(path, f"`status: {kind}` was put back: {reason}", now)

    def _current_status(self, path: str) -> str:
        """The status of a review in which no one asks for anything."""
        task = find_task(self._db, _task_of(path))
        if has_open_request_in(self._db, path) or task is None:
            return "open"
        return "reverted" if task.reverted else "landed" if task.landed else "open"

    def _set_status(self, path: str, status: str) -> None:
        self._documents.edit(path, {("status",): status})
        set_review_status(self._db, path, status)

    def _show_problem(self, path: str, message: str, now: float) -> None:
        with self._db.write():
            put_problem(self._db, Problem(path=path, line=0, message=message), _SOURCE, now)


def standing_landing(submissions: Sequence[SubmissionRow], *, before: int) -> str:
    """The landing of a task that stands once the submission with this number has taken back the latest; empty: none.

    A task that was done again has landed more than once. Each revert took back what was the latest landing then.
    """
    standing: list[str] = []
    for row in sorted(submissions, key=lambda row: row.number):
        if row.number < before and row.state is SubmissionState.LANDED and row.landing and row.tree:
            standing = standing[:-1] if row.kind is SubmissionKind.REVERT else [*standing, row.landing]
    return standing[-2] if len(standing) > 1 else ""


_TASK_REASONS = {SubmissionKind.REVERT: "taken back by hand", SubmissionKind.APPLY: "brought again by hand"}


def _task_of(path: str) -> str:
    return path.removeprefix("reviews/").removesuffix(".md")


def _later_tasks_text(later: tuple[str, ...]) -> str:
    return f"landed on the same files since: {', '.join(later)}" if later else ""
