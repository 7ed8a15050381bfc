"""Watches the integration branch and its target: looks when they may have moved, and records the report.

What is looked at is the state, not the event: a move that was missed is found by the next look.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from coworkd.board.task_board import Board
from coworkd.core.model import Check
from coworkd.merge.branch_jobs import BranchReport
from coworkd.merge.branch_record import BranchRecorder
from coworkd.merge.branch_rules import BringIn, Rebuild, Unrelated
from coworkd.merge.git.facts import BranchContext
from coworkd.merge.integration_jobs import IntegrationJobs
from coworkd.merge.job_results import ResultRecorder
from coworkd.merge.job_values import VerifyRequest
from coworkd.store.dependencies import dependencies_of
from coworkd.store.landings import Landings
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose
from coworkd.system.git.ref_versions import ref_versions

BRANCH: Job[None, BranchReport | None] = Job(name="integration branch", purpose=Purpose.INTEGRATION, longest_pause=20.0)
"""Looks at the branches, and moves integration. A person may switch the worktree that keeps it from being moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _KnownRed:
    """A verification of the target's commits, or of integration made again, that was red."""

    branch_tips: tuple[str, str]
    settings: tuple[object, ...]
    """Commands, set-up and sandbox."""
    check: Check


class BranchWatch:
    """Used by the writer thread alone."""

    def __init__(
        self, board: Board, jobs: Jobs, integration: IntegrationJobs, recorder: ResultRecorder, common_dir: Path
    ) -> None:
        self._board = board
        self._jobs = jobs
        self._integration = integration
        self._branch_recorder = BranchRecorder(board, recorder)
        self._landings = Landings(board.db)
        self._common_dir = common_dir
        self._looked_at_versions: object = None
        """The versions of the refs at the latest look."""
        self._stayed = False
        """The latest look was not to have integration follow its target."""
        self._report: BranchReport | None = None
        self._pending_request: VerifyRequest | None = None
        """What the job that is under way verifies by."""
        self._red: _KnownRed | None = None
        jobs.handle(BRANCH, then=self._record_report, failed=self._look_failed)

    # ---- for the queue

    def is_settled(self) -> bool:
        """Whether the queue may go on: the branches are known as they are, and integration stays as it is."""
        if self._report is None or self._jobs.running(BRANCH) or self._ref_versions() != self._looked_at_versions:
            return False
        return not isinstance(self._report.move, Rebuild | Unrelated)

    def branch_tips(self) -> tuple[str, str]:
        """Where both branches stood at the latest look."""
        return _branch_tips(self._report) if self._report else ("", "")

    def bring_in(self, request: VerifyRequest) -> bool:
        """Begin to bring in the target's commits; False when there are none, or they are known to be red."""
        return self.can_bring_in(request) and self._start_verified(request)

    def can_bring_in(self, request: VerifyRequest) -> bool:
        """Whether the target has commits to bring in that are not known to be red."""
        return self._report is not None and isinstance(self._report.move, BringIn) and not self._is_red(request)

    def is_target_red(self, request: VerifyRequest) -> bool:
        """Whether the target's commits are known to be red as merged with what landed."""
        return self._report is not None and isinstance(self._report.move, BringIn) and self._is_red(request)

    def rebuild(self, request: Callable[[], VerifyRequest]) -> None:
        """Begin to make integration again where the target lost what was taken from it."""
        if self._report is not None and isinstance(self._report.move, Rebuild) and not self._jobs.running(BRANCH):
            self._start_verified(request())

    def _start_verified(self, request: VerifyRequest) -> bool:
        if self._is_red(request):
            return False
        assert self._report is not None
        tasks = [fact.landing.task for fact in self._report.state.facts.landings]
        branches, needs = self.branch_context(), dependencies_of(self._board.db, tasks)
        looked_at = self._ref_versions()
        if self._jobs.start(BRANCH, None, lambda: self._integration.update_branch(branches, request, needs)):
            self._pending_request, self._looked_at_versions = request, looked_at
        return True

    def _is_red(self, request: VerifyRequest) -> bool:
        return self._red is not None and (self._red.branch_tips, self._red.settings) == (
            self.branch_tips(),
            _verification_settings(request),
        )

    # ---- looking

    def start_look(self, *, follow: bool) -> None:
        """Begin to look, where the branches may have moved since the latest look.

        `follow`: integration may be moved to follow its target. Where it may not, it is looked again when it may.
        """
        if not self._board.specs.target():
            return
        versions = self._ref_versions()
        if versions == self._looked_at_versions and not (follow and self._stayed):
            return
        branches = self.branch_context()
        if self._jobs.start(BRANCH, None, lambda: self._integration.look(branches, follow=follow)):
            self._looked_at_versions, self._stayed = versions, not follow

    def branch_context(self) -> BranchContext:
        """The branches of now, and what is known of landings."""
        branch, target = self._board.specs.settings().integration.branch, self._board.specs.target()
        return BranchContext(branch=branch, target=target, known=self._landings.known())

    def _ref_versions(self) -> object:
        branch, target = self._board.specs.settings().integration.branch, self._board.specs.target()
        return (branch, target, ref_versions(self._common_dir, (branch, target)))

    def _record_report(self, _: None, report: BranchReport | None, now: float) -> None:
        if report is not None:
            self._report = self._with_known_red(report)
            self._branch_recorder.report(self._report, self.branch_context(), now)

    def _look_failed(self, _: None, failure: JobFailed, now: float) -> None:
        self._looked_at_versions = None
        self._branch_recorder.record_failure(f"{failure.reason}; {failure.retry}", now)

    def _with_known_red(self, report: BranchReport) -> BranchReport:
        """A look verifies nothing: what was red with the same branches still is."""
        pending_request, self._pending_request = self._pending_request, None
        branch_tips = _branch_tips(report)
        if report.red is not None and pending_request is not None:
            self._red = _KnownRed(
                branch_tips=branch_tips, settings=_verification_settings(pending_request), check=report.red
            )
        elif (
            self._red is not None
            and self._red.branch_tips == branch_tips
            and isinstance(report.move, BringIn | Rebuild)
        ):
            return dataclasses.replace(report, red=self._red.check)
        return report


def _branch_tips(report: BranchReport) -> tuple[str, str]:
    return (report.state.facts.integration, report.state.facts.target)


def _verification_settings(request: VerifyRequest) -> tuple[object, ...]:
    return (request.workspace, request.setup, request.sandbox)
