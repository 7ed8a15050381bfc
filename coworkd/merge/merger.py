"""The merge queue, turn by turn: reviews are written and answered, submissions verified, and landed one by one."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from coworkd.board.task_board import Board
from coworkd.merge.auto_landing import AutoLanding
from coworkd.merge.branch_watch import BRANCH, BranchWatch
from coworkd.merge.check_logs import CheckLogs
from coworkd.merge.gate_pool import verifications_by_cores
from coworkd.merge.git.target_sync import LandedInTarget, TargetRefused
from coworkd.merge.holds import TIP_CHECK, HeldSubmissions
from coworkd.merge.integration_jobs import IntegrationJobs
from coworkd.merge.job_results import ResultRecorder
from coworkd.merge.landed_tasks import LandedTasks
from coworkd.merge.lost_submissions import LostSubmissions
from coworkd.merge.queue_jobs import DESCRIBE, LAND, QueueJobs
from coworkd.merge.queue_reader import QueueReader
from coworkd.merge.queue_rules import BatchStep, LandStep, QueueLoad, QueueStep, ReviewStep, VerifyStep, next_steps
from coworkd.merge.reverts import RevertService
from coworkd.merge.reviews.service import ReviewService
from coworkd.merge.stack_watch import StackWatch
from coworkd.merge.tries import Tries
from coworkd.merge.unverified import UnverifiedSubmissions
from coworkd.store import Database
from coworkd.sync.disk.ports import Files
from coworkd.sync.effective_specs import CONFIG
from coworkd.system.background_jobs import MAX_VERIFICATIONS, Jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFiles:
    """What the merge queue needs of the workspace's files."""

    folder: Files
    """Where the output of checks is shown."""
    common_dir: Path
    """Where git keeps the branches."""
    is_behind: Callable[[str, float], bool] = lambda _path, _now: False
    """Whether a file was saved and this is not taken in yet, at a time."""


class Merger:
    """The merge queue as the daemon drives it; used by the writer thread alone."""

    def __init__(
        self,
        board: Board,
        jobs: Jobs,
        integration: IntegrationJobs,
        landed: LandedTasks,
        files: QueueFiles,
    ) -> None:
        self._board = board
        self._db: Database = board.db
        self._jobs = jobs
        self._integration = integration
        self._landed = landed
        self._files = files
        self._reviews = ReviewService(board)
        self._reverts = RevertService(board, jobs, integration.revert)
        self._queue_reader = QueueReader(board, self._reviews)
        logs = CheckLogs(files.folder, integration.output_folder)
        self._holds = HeldSubmissions(board, jobs, integration, self._queue_reader, logs)
        self._unverified = UnverifiedSubmissions(board)
        recorder = ResultRecorder(board, self._reviews, self._reverts, self._holds, logs, self._unverified)
        self._watch = BranchWatch(board, jobs, integration, recorder, files.common_dir)
        self._queue_jobs = QueueJobs(board, jobs, integration, self._queue_reader, recorder, self._watch)
        self._stacks = StackWatch(board, self._reviews)
        self._tries = Tries(board, jobs, integration, self._queue_reader)
        self._stepped = False
        self._auto_landing = AutoLanding(board, jobs, self.target_landing_job)
        self._lost = LostSubmissions(board, jobs, integration)

    # ---- one turn

    def step(self, now: float, *, start: bool) -> None:
        """Act on answered reviews, then take the queue one step further."""
        self._landed.step(now)
        self._reviews.apply_answers(now)
        self._stacks.step(now)
        self._queue_jobs.cancel_moot()
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
                self._tries.start(now, self._free_gates)
                self._auto_landing.step(now, busy=self._is_moving())

    def deadline(self, now: float) -> float | None:
        """When a landing that failed, a check of the tip, or a try is made again."""
        times = (self._auto_landing.deadline(), self._holds.deadline(), self._tries.deadline(now))
        return min((at for at in times if at), default=None)

    def has_work(self, now: float) -> bool:
        """Whether a submission is verified or lands, or can do so without a person."""
        return self._is_tip_in_use(now) or bool(self._next_steps(now))

    def _is_moving(self) -> bool:
        """Whether the integration branch is being moved: one thing at a time."""
        return self._jobs.any_running(LAND, BRANCH)

    def _free_gates(self) -> int:
        """How many verifications may begin."""
        wanted = self._board.specs.settings().parallel_verifications or verifications_by_cores(os.cpu_count() or 1)
        used = self._queue_jobs.verifications.count() + self._tries.count() + len(self._jobs.running(TIP_CHECK))
        return max(0, min(wanted, MAX_VERIFICATIONS) - used)

    def _advance(self, now: float) -> None:
        steps = self._next_steps(now)
        if steps and self._files.is_behind(CONFIG, now):
            return  # What was saved there before a verification or a landing counts for it.
        if any(isinstance(step, VerifyStep | BatchStep) for step in steps):
            self._queue_jobs.probes.cancel()
        for step in steps:
            self._queue_jobs.start(step, now)
        self._queue_jobs.probes.fill(self._free_gates())

    def _next_steps(self, now: float) -> list[QueueStep]:
        waiting = self._queue_reader.entries(now)
        self._queue_jobs.batches.forget_all_but([entry.key for entry in waiting])
        entries = [
            dataclasses.replace(entry, conditions=None) if self._queue_jobs.batches.is_alone(entry.key) else entry
            for entry in waiting
            if self._queue_jobs.may_go_on(entry.key)
        ]
        if not entries:
            return []
        load = QueueLoad(
            gates=self._free_gates(), verifying=self._queue_jobs.verifications.keys(), moving=self._is_moving(),
            batch_size=self._queue_jobs.batches.size,
        )  # fmt: skip
        return next_steps(entries, self._db.state.integration_tip, load)

    def _is_tip_in_use(self, now: float) -> bool:
        """Whether something is verified on the tip, or about to land on it: a move would have it verified again."""
        if self._queue_jobs.verifications.keys() or self._jobs.any_running(DESCRIBE, LAND):
            return True
        return any(isinstance(step, LandStep | ReviewStep) for step in self._next_steps(now))

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
