"""Conflicts go back to their authors, colliding ones one after another; after two failed rounds a person decides."""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.board.task_board import Board
from coworkd.core.conflict_facts import Resolution, blocking_resolution, read_conflict_facts
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.dispatch.runs.effects import Retry
from coworkd.dispatch.runs.starter import RunStarter
from coworkd.dispatch.scheduling.capacity import CapacityReader
from coworkd.dispatch.scheduling.scheduler import Postponed
from coworkd.store import RunRow, RunState, SubmissionRow, SubmissionState, TaskRow
from coworkd.store.dependencies import unmet_dependencies
from coworkd.store.runs import has_live_run, live_runs
from coworkd.store.submissions import conflict_of, move_submission, resolutions_in_queue, submission_event

MAX_ROUNDS = 2
"""How many rounds of an author may fail on one tip before a person is asked."""


def return_conflict(board: Board, run: RunRow, reason: str, until: float, now: float) -> None:
    """The run never began: its conflict waits as before, until then at least.

    Inside of a transaction.
    """
    row = board.task(run.task)
    to = Status.MERGING if _restore_conflict(board, run, reason, now) else Status.READY
    board.transition(row.id, to, reason, now, attempt=row.attempt - 1, not_before=until)


def retry_conflict(board: Board, run: RunRow, retry: Retry, now: float) -> None:
    """The run came to nothing by an error: another attempt at the same conflict. No round has failed.

    Inside of a transaction.
    """
    row = board.task(run.task)
    to = Status.MERGING if _restore_conflict(board, run, retry.reason, now) else Status.READY
    attempt = row.attempt if retry.counted else row.attempt - 1
    board.transition(
        row.id, to, retry.reason, now, failures=retry.failures, not_before=retry.not_before, attempt=attempt
    )  # fmt: skip


def repeat_conflict(board: Board, run: RunRow, reason: str, now: float) -> None:
    """The run left the conflict as it was: a round has failed. Inside of a transaction."""
    row = board.task(run.task)
    to = Status.MERGING if _restore_conflict(board, run, reason, now) else Status.READY
    board.transition(row.id, to, reason, now, conflict_rounds=row.conflict_rounds + 1)


def _restore_conflict(board: Board, run: RunRow, reason: str, now: float) -> bool:
    """Whether the submission that the run was to resolve conflicts again as before; False: it is settled."""
    retired = conflict_of(board.db, run.task, run.conflict)
    if retired is None or retired.state is not SubmissionState.RETIRED:
        return False
    event = submission_event(retired, now, EventKind.CONFLICT_WAITS_AGAIN, why=reason)
    move_submission(board.db, retired, SubmissionState.CONFLICTED, event)
    return True


class ConflictRounds:
    """Starts resolving runs; used by the writer thread alone."""

    def __init__(self, board: Board, starter: RunStarter, capacity: CapacityReader) -> None:
        self._board = board
        self._db = board.db
        self._starter = starter
        self._capacity = capacity

    def send_back(self, submissions: Sequence[SubmissionRow], now: float) -> list[Postponed]:
        """Each conflicting submission to its author, as far as there is capacity, or to a person.

        Of those that conflict over the same paths one at a time: each resolution is made on what landed before it.
        Returns what waits for capacity.
        """
        waiting: list[Postponed] = []
        under_way = self._resolutions() if submissions else []
        for submission in sorted(submissions, key=self._order):
            row = self._board.task(submission.task)
            if row.status is Status.WAITING or row.not_before > now or has_live_run(self._db, row.id):
                continue
            if row.conflict_rounds >= MAX_ROUNDS:
                self._leave_to_person(row, submission, now)
            elif blocking := _blocking(submission, under_way):
                self._store_wait_reason(row, _collision_text(submission, blocking), now)
            elif postponed := self._capacity.start_postponement(row.id, row.agent_used, now):
                waiting.append(postponed)
                self._store_wait_reason(row, postponed.reason, now)
            elif self._is_outdated(submission):
                self._merge_again(row, submission, now)
                under_way.append(_resolution_of(submission))
            elif self._send_to_author(row, submission, now):
                under_way.append(_resolution_of(submission))
        return waiting

    def deadline(self, submissions: Sequence[SubmissionRow], now: float) -> float | None:
        """When one that waits may be sent back."""
        times = (self._board.task(submission.task).not_before for submission in submissions)
        return min((at for at in times if at > now), default=None)

    def _order(self, submission: SubmissionRow) -> tuple[float, float, str]:
        """As in the merge queue."""
        return (self._board.task(submission.task).priority, submission.created, submission.task)

    def _resolutions(self) -> list[Resolution]:
        """Every conflict that is being resolved, but for those whose agent waits for an answer.

        One that cannot land yet holds up nothing: what it needs may be what would wait for it.
        """
        runs = [run for run in live_runs(self._db) if run.conflict and run.state.kind is not RunState.WAITING]
        resolved = [conflict for run in runs if (conflict := conflict_of(self._db, run.task, run.conflict))]
        queued = [row for row in resolutions_in_queue(self._db) if not unmet_dependencies(self._db, row.task)]
        return [*map(_resolution_of, resolved), *map(_resolution_of, queued)]

    def _is_outdated(self, submission: SubmissionRow) -> bool:
        """Whether the tip has moved since: the author is given the present one, or it merges by now."""
        tip = self._db.state.integration_tip
        return bool(tip and submission.verified_on) and submission.verified_on != tip

    def _merge_again(self, row: TaskRow, submission: SubmissionRow, now: float) -> None:
        reason = "it is merged again with what has landed since"
        event = submission_event(submission, now, EventKind.QUEUED_AGAIN, why=reason)
        with self._db.write():
            move_submission(self._db, submission, SubmissionState.QUEUED, event, bundle="")
            self._board.set_status(row, row.status, reason, now)

    def _store_wait_reason(self, row: TaskRow, reason: str, now: float) -> None:
        """Say why the conflict has not gone back to its author yet."""
        text = f"its conflict {reason}" if reason.startswith("waits ") else f"its conflict waits: {reason}"
        if row.reason != text:
            self._board.set_status(row, row.status, text, now)

    def _send_to_author(self, row: TaskRow, submission: SubmissionRow, now: float) -> bool:
        """Start its author on it; False where the budget does not allow that now."""
        with self._db.write(durable=True):
            short = self._starter.start(row.id, row.agent_used, now, conflict=submission.bundle)
            if short is not None:
                self._store_wait_reason(row, short.reason, now)
                return False
            event = submission_event(submission, now, EventKind.CONFLICT_SENT_BACK, round=row.conflict_rounds + 1)
            move_submission(self._db, submission, SubmissionState.RETIRED, event)
            return True

    def _leave_to_person(self, row: TaskRow, submission: SubmissionRow, now: float) -> None:
        why = (
            f"collides with what has landed since, and {MAX_ROUNDS} rounds did not resolve it: {submission.message};"
            f" `coworkd resolve {row.id}` opens a checkout in which you resolve it; or write a message to have its"
            " agent try again, or `ready` after `paused` to start over"
        )
        self._board.transition(row.id, Status.WAITING, why, now)
        self._db.event(now, EventKind.CONFLICT_NEEDS_PERSON, task=row.id, number=submission.number)


def _resolution_of(submission: SubmissionRow) -> Resolution:
    """A conflict as others see it: it is being resolved, or the submission is what that came to."""
    reviewed = submission.state is SubmissionState.GREEN and submission.needs_approval and not submission.approved
    paths = frozenset(read_conflict_facts(submission.conflict).paths)
    return Resolution(task=submission.task, paths=paths, awaits_person=reviewed)


def _blocking(submission: SubmissionRow, under_way: Sequence[Resolution]) -> Resolution | None:
    paths = read_conflict_facts(submission.conflict).paths
    others = [one for one in under_way if one.task != submission.task]
    return blocking_resolution(paths, others, needs_approval=submission.needs_approval)


def _collision_text(submission: SubmissionRow, blocking: Resolution) -> str:
    shared = sorted(blocking.paths & set(read_conflict_facts(submission.conflict).paths))
    more = f" and {len(shared) - 1} more" if len(shared) > 1 else ""
    return f"waits until `{blocking.task}` has landed, which changes {shared[0]}{more}, too"
