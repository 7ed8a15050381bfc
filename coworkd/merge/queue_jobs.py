"""The jobs of the merge queue: verifications, change summaries and landings, and what is recorded of their ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial

from coworkd.board.stacks import stack_of
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.merge.active_verifications import VERIFY, VERIFY_BATCH, ActiveVerifications
from coworkd.merge.batch_pipeline import BatchResult
from coworkd.merge.batches import Batches
from coworkd.merge.branch_watch import BranchWatch
from coworkd.merge.git.change_summary import ChangeSummary
from coworkd.merge.integration_jobs import IntegrationJobs
from coworkd.merge.job_results import ResultRecorder
from coworkd.merge.job_values import AwaitingStack, AwaitingTarget, Interrupted, Landed, TipMoved, VerificationResult
from coworkd.merge.probes import Probes
from coworkd.merge.queue_reader import QueueReader
from coworkd.merge.queue_rules import BatchStep, LandStep, QueueStep, ReviewStep, VerifyStep, reason_to_verify_again
from coworkd.merge.reviews.service import ReviewService
from coworkd.store import Database, SubmissionKey, SubmissionRow
from coworkd.store.problems import remove_task_problems
from coworkd.store.submissions import find_in_queue, get_submission
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose

LAND: Job[tuple[SubmissionKey, ...], Landed | TipMoved] = Job(
    name="landing", purpose=Purpose.INTEGRATION, longest_pause=20.0
)
DESCRIBE: Job[SubmissionKey, ChangeSummary] = Job(name="change summary", purpose=Purpose.READING)
_QUEUE = "queue"
"""The source of problems of a submission that cannot land."""


class QueueJobs:
    """Used by the writer thread alone."""

    def __init__(
        self,
        board: Board,
        jobs: Jobs,
        integration: IntegrationJobs,
        reader: QueueReader,
        recorder: ResultRecorder,
        watch: BranchWatch,
    ) -> None:
        self._board = board
        self._db: Database = board.db
        self._jobs = jobs
        self._integration = integration
        self._queue_reader = reader
        self._recorder = recorder
        self._watch = watch
        self._reviews = ReviewService(board)
        self._awaiting_stack: dict[SubmissionKey, tuple[str, ...]] = {}
        """Submissions whose stack did not go together, and where that and the branches stood then."""
        self._awaiting_target: dict[SubmissionKey, tuple[str, str]] = {}
        """Submissions that wait for the target's entry, and where both branches stood then."""
        self.verifications = ActiveVerifications(jobs)
        self.probes = Probes(jobs, integration.probe)
        self._target_was_next = False
        """The target's commits were brought in, and no verification has begun since: that is what comes next."""
        self.batches = Batches(board.db, recorder)
        jobs.handle(VERIFY, then=self._record_verification, failed=self._report_failure)
        jobs.handle(VERIFY_BATCH, then=self._record_batch, failed=self._report_batch_failure)
        jobs.handle(LAND, then=self._record_landing, failed=self._report_landing_failure)
        jobs.handle(DESCRIBE, then=self._record_result, failed=self._report_failure)

    # ---- what may be started

    def may_go_on(self, key: SubmissionKey) -> bool:
        """Not where a job for it failed and is not due again, nor before the target's commits that it was made on."""
        if self._is_backing_off(key) or self._is_awaiting_stack(key):
            return False
        if self._awaiting_target.get(key) != self._watch.branch_tips():
            return True
        return not self.verifications.keys() and self._watch.can_bring_in(self._queue_reader.target_request())

    def _is_awaiting_stack(self, key: SubmissionKey) -> bool:
        """Whether nothing has changed since its stack did not go together."""
        return key in self._awaiting_stack and self._awaiting_stack[key] == self._stack_place(key)

    def _stack_place(self, key: SubmissionKey) -> tuple[str, ...]:
        """Where the branches stand, and what a submission is stacked on."""
        return (*self._watch.branch_tips(), stack_of(self._db, key.task).encoded)

    def cancel_moot(self) -> None:
        """End the verifications of submissions that have left the queue, and forget failures for them."""
        keys = self.verifications.keys()
        self.verifications.cancel_all_but([key for key in keys if find_in_queue(self._db, key) is not None])
        self._forget_moot_failures()

    def _is_backing_off(self, key: SubmissionKey) -> bool:
        """Whether a job for this submission failed and is not due again: others go on meanwhile."""
        if any(self._jobs.pausing(job, key) for job in (VERIFY, DESCRIBE)):
            return True
        return any(key in keys and self._jobs.pausing(LAND, keys) for keys in self._jobs.failing(LAND))

    def _forget_moot_failures(self) -> None:
        """Forget failures for submissions that have left the queue."""
        for keys in self._jobs.failing(LAND):
            if any(find_in_queue(self._db, key) is None for key in keys):
                self._jobs.forget(LAND, keys)
                for key in keys:
                    self._clear_problem(key.task)
        for job in (VERIFY, DESCRIBE):
            for key in self._jobs.failing(job):
                if find_in_queue(self._db, key) is None:
                    self._jobs.forget(job, key)
                    self._clear_problem(key.task)

    def _clear_problem(self, task: str) -> None:
        with self._db.write():
            remove_task_problems(self._db, task, _QUEUE)

    # ---- starting

    def start(self, step: QueueStep, now: float) -> None:
        """Take one step of the queue, where the target's own commits do not come first."""
        match step:
            case ReviewStep(key=key):
                self._start_change_summary(get_submission(self._db, key))
            case LandStep(keys=keys):
                self._start_landing([get_submission(self._db, key) for key in keys], now)
            case _ if self._bring_in_first():
                pass
            case VerifyStep(key=key):
                self._start_verification(get_submission(self._db, key), now)
            case BatchStep(keys=keys):
                self._start_batch([get_submission(self._db, key) for key in keys], now)

    def _bring_in_first(self) -> bool:
        """Whether the target's own commits come in before the next verification; they are begun to be.

        Never below a verification that is under way, and in turns: a person who goes on committing keeps nothing
        waiting.
        """
        if self._target_was_next or self.verifications.keys():
            return False
        if not self._watch.bring_in(self._queue_reader.target_request()):
            return False
        self._target_was_next = True
        return True

    def _start_change_summary(self, row: SubmissionRow) -> None:
        """Start to read what the candidate changes; the review is written when that is known."""
        tip = f"{row.candidate}^1" if row.batch or row.stacked_on else row.verified_on
        candidate, context = row.candidate, self._queue_reader.change_context(row)
        self._jobs.start(DESCRIBE, row.key, lambda: self._integration.summarise_change(tip, candidate, context))

    def _start_landing(self, rows: Sequence[SubmissionRow], now: float) -> None:
        changed = [row for row in rows if row.needs_approval and not self._reviews.is_approved(row)]
        for row in changed:
            self._reviews.ask_again(row, now)
        if changed:
            return
        land, keys = self._queue_reader.land_request(rows), tuple(row.key for row in rows)
        if keys not in self._jobs.failing(LAND):
            with self._db.write(durable=True):
                for row in rows:
                    self._db.event(now, EventKind.LANDING, task=row.task, number=row.number, candidate=row.candidate)
        self._jobs.start(LAND, keys, lambda: self._integration.land(land))

    def _start_verification(self, row: SubmissionRow, now: float) -> None:
        red_target = self._watch.is_target_red(self._queue_reader.target_request())
        request = dataclasses.replace(
            self._queue_reader.verify_request(row), onto_target=red_target, suspect=self.batches.suspect(row.key)
        )
        with self._db.write():
            self._record_beginning(row, now)
        verify = partial(self._integration.verify, request)
        self._target_was_next = False
        self.verifications.start(row.key, self._watch.branch_tips(), verify)

    def _start_batch(self, rows: Sequence[SubmissionRow], now: float) -> None:
        requests = tuple(self._queue_reader.verify_request(row) for row in rows)
        with self._db.write():
            for row in rows:
                self._record_beginning(row, now, together=f"together with {len(rows) - 1} others")
        verify = partial(self._integration.verify_batch, requests)
        self._target_was_next = False
        keys = tuple(row.key for row in rows)
        if self.verifications.start_batch(keys, self._watch.branch_tips(), verify):
            self.probes.begin(keys, requests)

    def _record_beginning(self, row: SubmissionRow, now: float, **data: str) -> None:
        """A submission is verified; one that was approved before is so again."""
        again = reason_to_verify_again(row, self._db.state.integration_tip)
        why = {"reason": again} if again else {}
        self._db.event(now, EventKind.VERIFYING, task=row.task, number=row.number, **data, **why)
        task = self._board.task(row.task)
        if task.status is Status.REVIEW and (row.approved or not row.needs_approval):
            self._board.transition(task.id, Status.MERGING, "verified again with what has landed since", now)

    def _record_verification(self, key: SubmissionKey, value: VerificationResult, now: float) -> None:
        active = self.verifications.end(key)
        if isinstance(value, AwaitingStack):
            self._awaiting_stack[key] = self._stack_place(key)
        if isinstance(value, AwaitingTarget) and active is not None:
            self._awaiting_target[key] = active.branch_tips
            self._target_was_next = False
        self._record_result(key, value, now)

    def _record_result(self, key: SubmissionKey, value: VerificationResult | ChangeSummary, now: float) -> None:
        """Record what a job of the queue found."""
        row = find_in_queue(self._db, key)
        with self._db.write(durable=True):
            self._recorder.remember_tip(value)
            self._clear_problem(key.task)
            if not isinstance(value, ChangeSummary):
                self.batches.record_alone(key, value, now)
            if row is not None:
                self._recorder.record(row, value, now)

    def _record_batch(
        self, keys: tuple[SubmissionKey, ...], value: BatchResult | Interrupted | TipMoved, now: float
    ) -> None:
        self.verifications.end(*keys)
        self.probes.end(keys)
        with self._db.write(durable=True):
            for key in keys:
                self._clear_problem(key.task)
            if isinstance(value, BatchResult):
                self.batches.record(value, now)

    def _record_landing(self, keys: tuple[SubmissionKey, ...], value: Landed | TipMoved, now: float) -> None:
        """Record a landing, also where a submission has left the queue meanwhile."""
        with self._db.write(durable=True):
            self._recorder.remember_tip(value)
            for row in [get_submission(self._db, key) for key in keys]:
                self._clear_problem(row.task)
                if isinstance(value, Landed):
                    commit = row.candidate if len(keys) > 1 else value.commit
                    self._recorder.record(row, Landed(commit=commit), now)
                else:
                    why = f"the integration branch was moved to {value.tip[:12]} at that very moment"
                    self._db.event(now, EventKind.NOT_LANDED, task=row.task, number=row.number, reason=why)

    def _report_failure(self, key: SubmissionKey, failure: JobFailed, now: float) -> None:
        """Git or the file system failed: show that at the task."""
        self.verifications.end(key)
        if find_in_queue(self._db, key) is None:
            return
        with self._db.write():
            message = f"cannot land: {failure.reason}; {failure.retry}"
            self._board.add_problem(self._board.task(key.task), _QUEUE, message, now)

    def _report_batch_failure(self, keys: tuple[SubmissionKey, ...], failure: JobFailed, now: float) -> None:
        """They are verified one by one, which shows at which of them it fails."""
        del now
        self.verifications.end(*keys)
        self.probes.end(keys)
        self._jobs.forget(VERIFY_BATCH, keys)
        self.batches.verify_alone(keys, failure.reason)

    def _report_landing_failure(self, keys: tuple[SubmissionKey, ...], failure: JobFailed, now: float) -> None:
        for key in keys:
            self._report_failure(key, failure, now)
