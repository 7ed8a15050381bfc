"""A workspace in a real repository with its merge queue, driven step by step; no daemon and no agents."""

from __future__ import annotations

from collections.abc import Callable

from coworkd.board.task_board import Board
from coworkd.core.errors import RepoError
from coworkd.core.model import Status
from coworkd.merge.git.facts import BranchContext
from coworkd.merge.git.revert_commits import RevertCommit, RevertFailed
from coworkd.merge.git.target_sync import LandedInTarget, TargetRefused
from coworkd.merge.integration_jobs import IntegrationJobs
from coworkd.merge.job_values import (
    Interrupted,
    Landed,
    LandRequest,
    StoredSubmission,
    TipCheckResult,
    TipMoved,
    VerificationResult,
    VerifyRequest,
)
from coworkd.merge.landed_tasks import LandedTasks
from coworkd.merge.merger import Merger, QueueFiles
from coworkd.store import SubmissionRow, SubmissionState, TaskRow
from coworkd.store.submissions import add_submission
from coworkd.system.background_jobs import Jobs
from coworkd.system.git import Repo
from tests.integration.gitkit import Checkout
from tests.integration.workspacekit import Workspace

QUIET_TURNS = 3
"""Turns in a row that change nothing, after which nothing follows any more."""


class FailingJobs(IntegrationJobs):
    """Real jobs, until a test says what is wrong with the repository."""

    broken: RepoError | None = None
    before_landing: Callable[[], object] | None = None
    """What happens in the last moment before a landing; once."""

    def land(self, request: LandRequest) -> Landed | TipMoved:
        if happens := self.before_landing:
            self.before_landing = None
            happens()
        return super().land(request)

    def verify(self, request: VerifyRequest, cancelled: Callable[[], bool]) -> VerificationResult:
        self._fail()
        return super().verify(request, cancelled)

    def check_tip(self, request: VerifyRequest, command: str) -> TipCheckResult | Interrupted:
        self._fail()
        return super().check_tip(request, command)

    def latest_submission(self, task: str, branch: str) -> StoredSubmission | None:
        self._fail()
        return super().latest_submission(task, branch)

    def land_in_target(
        self, request: VerifyRequest, branches: BranchContext, *, onto: bool = False
    ) -> LandedInTarget | TargetRefused:
        self._fail()
        return super().land_in_target(request, branches, onto=onto)

    def revert(self, landing: str, task: str, number: int, branch: str) -> RevertCommit | RevertFailed:
        self._fail()
        del task, number, branch
        return RevertCommit(commit="c" * 40, tree="t" * 40, landing=landing, later=())

    def _fail(self) -> None:
        if self.broken is not None:
            raise self.broken


class Queue(Workspace):
    """A workspace in a repository, with its merge queue."""

    def __init__(self, user: Checkout, repo: Repo) -> None:
        super().__init__(user.root)
        self.jobs = Jobs(lambda: None)
        self.board = Board(self.db, self.intake)
        self.integration = FailingJobs(user.root, user.root.parent / "state", self.jobs.stopping)
        self.restart_merger(repo)
        self.db.state.first_target = "main"

    def restart_merger(self, repo: Repo) -> None:
        """What the merge queue knows is what the database and the repository hold."""
        landed = LandedTasks(self.board, repo)
        files = QueueFiles(folder=self.folder, common_dir=repo.common_dir, is_behind=self.engine.is_behind)
        self.merger = Merger(self.board, self.jobs, self.integration, landed, files)

    def pass_time(self, seconds: float = 0.0) -> None:
        """Let time pass, and everything happen that follows."""
        self.now += seconds
        still = 0
        while still < QUIET_TURNS:
            before = self.db.changes
            self.step()
            still = still + 1 if self.db.changes == before else 0

    def step_until(self, happened: Callable[[], bool]) -> None:
        """One step after another, until something has happened."""
        for _ in range(50):
            if happened():
                return
            self.step()
        raise AssertionError("it does not happen")

    def step(self) -> None:
        """One turn, and the jobs that follow from it."""
        self.jobs.settle(self.now)
        self.turn(0.0)
        self.merger.step(self.now, start=True)
        while self.jobs.busy():
            self.jobs.settle(self.now)

    def set_status(self, task: str, status: Status) -> None:
        with self.db.write():
            self.db.set(TaskRow, task, status=status)

    def add_task(self, name: str = "a", **columns: str) -> None:
        self.save("---\nstatus: draft\n---\nDo it.\n", f"tasks/{name}.md")
        self.turns()
        with self.db.write():
            self.db.set(TaskRow, name, priority=2.0, **columns)

    def submit(self, commit: str, tree: str, base: str, task: str = "a", number: int = 1) -> SubmissionRow:
        row = SubmissionRow(
            task=task, number=number, attempt=1, commit_id=commit, tree=tree, base=base, state=SubmissionState.QUEUED,
            created=self.now, needs_approval=False,
        )  # fmt: skip
        add_submission(self.db, row)
        return row
