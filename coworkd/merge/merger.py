"""The merge queue, turn by turn: reviews are written and answered, submissions verified, and landed one by one."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.merge.active_verifications import VERIFY, VERIFY_BATCH, ActiveVerifications
from coworkd.merge.auto_landing import AutoLanding
from coworkd.merge.batch_pipeline import BatchResult
from coworkd.merge.batches import Batches
from coworkd.merge.branch_watch import BRANCH, BranchWatch
from coworkd.merge.check_logs import CheckLogs
from coworkd.merge.gate_pool import verifications_by_cores
from coworkd.merge.git.change_summary import ChangeSummary
from coworkd.merge.git.target_sync import LandedInTarget, TargetRefused
from coworkd.merge.holds import TIP_CHECK, HeldSubmissions
from coworkd.merge.integration_jobs import IntegrationJobs
from coworkd.merge.job_results import ResultRecorder
from coworkd.merge.job_values import AwaitingTarget, Interrupted, Landed, TipMoved, VerificationResult
from coworkd.merge.landed_tasks import LandedTasks
from coworkd.merge.lost_submissions import LostSubmissions
from coworkd.merge.queue_reader import QueueReader
from coworkd.merge.queue_rules import BatchStep, LandStep, QueueLoad, QueueStep, ReviewStep, VerifyStep, next_steps
from coworkd.merge.reverts import RevertService
from coworkd.merge.reviews.service import ReviewService
from coworkd.merge.unverified import UnverifiedSubmissions
from coworkd.store import Database, SubmissionKey, SubmissionRow
from coworkd.store.problems import remove_task_problems
from coworkd.store.submissions import (
    find_in_queue,
    get_submission,
)
from coworkd.sync.disk.ports import Files
from coworkd.system.background_jobs import MAX_VERIFICATIONS, Job, JobFailed, Jobs, Purpose

LAND: Job[tuple[SubmissionKey, ...], Landed | TipMoved] = Job(name="landing", purpose=Purpose.INTEGRATION)
DESCRIBE: Job[SubmissionKey, ChangeSummary] = Job(name="change summary", purpose=Purpose.CAT_FILE_COMMAND)
_QUEUE = "queue"
"""The source of problems of a submission that cannot land."""


class Merger:
    """The merge queue as the daemon drives it; used by the writer thread alone."""

    def __init__(
        self,
        board: Board,
        jobs: Jobs,
        integration: IntegrationJobs,
        folder: Files,
        landed: LandedTasks,
        common_dir: Path,
    ) -> None:
        """`folder`: where the output of checks is shown; `common_dir`: where git keeps the branches."""
        self._board = board
        self._db: Database = board.db
        self._jobs = jobs
        self._integration = integration
        self._landed = landed
        self._reviews = ReviewService(board)
        self._reverts = RevertService(board, jobs, integration.revert)
        self._queue_reader = QueueReader(board, self._reviews)
        logs = CheckLogs(folder, integration.output_folder)
        self._holds = HeldSubmissions(board, jobs, integration, self._queue_reader, logs)
        self._unverified = UnverifiedSubmissions(board)
        self._recorder = ResultRecorder(board, self._reviews, self._reverts, self._holds, logs, self._unverified)
        self._watch = BranchWatch(board, jobs, integration, self._recorder, common_dir)
        self._awaiting_target: dict[SubmissionKey, tuple[str, str]] = {}
        """Submissions that wait for the target's entry, and where both branches stood then."""
        self._verifications = ActiveVerifications(jobs)
        self._target_was_next = False
        """The target's commits were brought in, and no verification has begun since: that is what comes next."""
        self._batches = Batches(board.db, self._recorder)
        self._stepped = False
        self._auto_landing = AutoLanding(board, jobs, self.target_landing_job)
        self._lost = LostSubmissions(board, jobs, integration)
        jobs.handle(VERIFY, then=self._record_verification, failed=self._report_failure)
        jobs.handle(VERIFY_BATCH, then=self._record_batch, failed=self._report_batch_failure)
        jobs.handle(LAND, then=self._record_landing, failed=self._report_landing_failure)
        jobs.handle(DESCRIBE, then=self._record_result, failed=self._report_failure)

    # ---- one turn

    def step(self, now: float, *, start: bool) -> None:
        """Act on answered reviews, then take the queue one step further."""
        self._landed.step(now)
        self._reviews.apply_answers(now)
        self._cancel_moot_verifications()
        self._forget_moot_failures()
        if start:
            self._watch.start_look(follow=not self._is_tip_in_use(now))
            self._reverts.start_requested(now)
            self._lost.start_search()
            self._holds.step(now, busy=not self._free_gates())
            self._unverified.verify_again(now, started=not self._stepped)
            self._stepped = True
            if not self._is_moving():
                self._watch.rebuild(self._queue_reader.target_request)
            if self._watch.is_settled():
                self._advance(now)
                self._auto_landing.step(now, busy=self._is_moving())

    def deadline(self) -> float | None:
        """When a landing that failed, or a check of the tip, is tried again."""
        times = (self._auto_landing.deadline(), self._holds.deadline())
        return min((at for at in times if at), default=None)

    def _is_moving(self) -> bool:
        """Whether the integration branch is being moved: one thing at a time."""
        return self._jobs.any_running(LAND, BRANCH)

    def _free_gates(self) -> int:
        """How many verifications may begin."""
        wanted = self._board.specs.settings().parallel_verifications or verifications_by_cores(os.cpu_count() or 1)
        used = self._verifications.count() + len(self._jobs.running(TIP_CHECK))
        return max(0, min(wanted, MAX_VERIFICATIONS) - used)

    def _cancel_moot_verifications(self) -> None:
        """End the verifications of submissions that have left the queue."""
        keys = self._verifications.keys()
        self._verifications.cancel_all_but([key for key in keys if find_in_queue(self._db, key) is not None])

    def _advance(self, now: float) -> None:
        for step in self._next_steps(now):
            self._start_step(step, now)

    def _start_step(self, step: QueueStep, now: float) -> None:
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

    def _next_steps(self, now: float) -> list[QueueStep]:
        waiting = self._queue_reader.entries(now)
        self._batches.forget_all_but([entry.key for entry in waiting])
        entries = [
            dataclasses.replace(entry, conditions=None) if self._batches.is_alone(entry.key) else entry
            for entry in waiting
            if self._may_go_on(entry.key)
        ]
        if not entries:
            return []
        load = QueueLoad(
            gates=self._free_gates(), verifying=self._verifications.keys(), moving=self._is_moving(),
            batch_size=self._batches.size,
        )  # fmt: skip
        return next_steps(entries, self._db.state.integration_tip, load)

    def _may_go_on(self, key: SubmissionKey) -> bool:
        """Not where a job for it failed and is not due again, nor before the target's commits that it was made on."""
        if self._is_backing_off(key):
            return False
        if self._awaiting_target.get(key) != self._watch.branch_tips():
            return True
        return not self._verifications.keys() and self._watch.can_bring_in(self._queue_reader.target_request())

    def _is_tip_in_use(self, now: float) -> bool:
        """Whether something is verified on the tip, or about to land on it: a move would have it verified again."""
        if self._verifications.keys() or self._jobs.any_running(DESCRIBE):
            return True
        return any(isinstance(step, LandStep | ReviewStep) for step in self._next_steps(now))

    def _bring_in_first(self) -> bool:
        """Whether the target's own commits come in before the next verification; they are begun to be.

        Never below a verification that is under way, and in turns: a person who goes on committing keeps nothing
        waiting.
        """
        if self._target_was_next or self._verifications.keys():
            return False
        if not self._watch.bring_in(self._queue_reader.target_request()):
            return False
        self._target_was_next = True
        return True

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

    def _start_change_summary(self, row: SubmissionRow) -> None:
        """Start to read what the candidate changes; the review is written when that is known."""
        tip = f"{row.candidate}^1" if row.batch else row.verified_on
        candidate, context = row.candidate, self._queue_reader.change_context(row)
        self._jobs.start(DESCRIBE, row.key, lambda: self._integration.summarise_change(tip, candidate, context))

    # ---- verifying and landing

    def _start_landing(self, rows: Sequence[SubmissionRow], now: float) -> None:
        changed = [row for row in rows if row.needs_approval and not self._reviews.is_approved(row)]
        for row in changed:
            self._reviews.ask_again(row, now)
        if changed:
            return
        land = self._queue_reader.land_request(rows)
        with self._db.write(durable=True):
            for row in rows:
                self._db.event(now, EventKind.LANDING, task=row.task, number=row.number, candidate=row.candidate)
        self._jobs.start(LAND, tuple(row.key for row in rows), lambda: self._integration.land(land))

    def _start_verification(self, row: SubmissionRow, now: float) -> None:
        red_target = self._watch.is_target_red(self._queue_reader.target_request())
        request = dataclasses.replace(self._queue_reader.verify_request(row), onto_target=red_target)
        with self._db.write():
            self._record_beginning(row, now)
        verify = partial(self._integration.verify, request)
        self._target_was_next = False
        self._verifications.start(row.key, self._watch.branch_tips(), verify)

    def _start_batch(self, rows: Sequence[SubmissionRow], now: float) -> None:
        requests = tuple(self._queue_reader.verify_request(row) for row in rows)
        with self._db.write():
            for row in rows:
                self._record_beginning(row, now, together=f"together with {len(rows) - 1} others")
        verify = partial(self._integration.verify_batch, requests)
        self._target_was_next = False
        self._verifications.start_batch(tuple(row.key for row in rows), self._watch.branch_tips(), verify)

    def _record_beginning(self, row: SubmissionRow, now: float, **data: str) -> None:
        """A submission is verified; one that was approved before is so again."""
        self._db.event(now, EventKind.VERIFYING, task=row.task, number=row.number, **data)
        task = self._board.task(row.task)
        if task.status is Status.REVIEW and (row.approved or not row.needs_approval):
            self._board.transition(task.id, Status.MERGING, "verified again with what has landed since", now)

    def _record_verification(self, key: SubmissionKey, value: VerificationResult, now: float) -> None:
        active = self._verifications.end(key)
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
                self._batches.record_alone(key, value, now)
            if row is not None:
                self._recorder.record(row, value, now)

    def _record_batch(
        self, keys: tuple[SubmissionKey, ...], value: BatchResult | Interrupted | TipMoved, now: float
    ) -> None:
        self._verifications.end(*keys)
        with self._db.write(durable=True):
            for key in keys:
                self._clear_problem(key.task)
            if isinstance(value, BatchResult):
                self._batches.record(value, now)

    def _record_landing(self, keys: tuple[SubmissionKey, ...], value: Landed | TipMoved, now: float) -> None:
        """Record a landing, also where a submission has left the queue meanwhile."""
        with self._db.write(durable=True):
            self._recorder.remember_tip(value)
            for row in [get_submission(self._db, key) for key in keys]:
                self._clear_problem(row.task)
                if isinstance(value, Landed):
                    commit = row.candidate if len(keys) > 1 else value.commit
                    self._recorder.record(row, Landed(commit=commit), now)

    def _report_failure(self, key: SubmissionKey, failure: JobFailed, now: float) -> None:
        """Git or the file system failed: show that at the task."""
        self._verifications.end(key)
        if find_in_queue(self._db, key) is None:
            return
        with self._db.write():
            message = f"cannot land: {failure.reason}; {failure.retry}"
            self._board.add_problem(self._board.task(key.task), _QUEUE, message, now)

    def _report_batch_failure(self, keys: tuple[SubmissionKey, ...], failure: JobFailed, now: float) -> None:
        """They are verified one by one, which shows at which of them it fails."""
        del now
        self._verifications.end(*keys)
        self._jobs.forget(VERIFY_BATCH, keys)
        self._batches.verify_alone(keys, failure.reason)

    def _report_landing_failure(self, keys: tuple[SubmissionKey, ...], failure: JobFailed, now: float) -> None:
        for key in keys:
            self._report_failure(key, failure, now)

    # ---- recovery, and landing in the target

    def recover(self, now: float) -> None:
        """After a start: what landed may not have been recorded."""
        self._landed.recover(now)

    def target_landing_job(self, onto: str = "") -> Callable[[], LandedInTarget | TargetRefused]:
        """The job that brings the integration branch into its target, with the settings of now.

        `onto` names the target, for landing although another branch is checked out.
        """
        request, branches = self._queue_reader.target_request(), self._watch.branch_context()
        if onto and onto != request.target:
            refused = TargetRefused(
                reason=f"the target is {request.target}, not {onto}: see `integration.target` in config.yaml"
            )
            return lambda: refused
        return lambda: self._integration.land_in_target(request, branches, onto=bool(onto))
