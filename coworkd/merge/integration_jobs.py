"""The jobs that move the integration branch: they merge and verify, several at a time, and land, one at a time.

Blocking; called from job threads only, each opening a `Repo` of its own. Requests and results are values.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from coworkd.core.errors import RepoError
from coworkd.core.model import Check
from coworkd.core.start_faults import StartFaultKind, UnfitRepositoryError
from coworkd.core.tries import TryResult
from coworkd.merge.batch_pipeline import Alone, BatchPipeline, BatchResult
from coworkd.merge.branch_jobs import (
    MAX_ROUNDS,
    BranchReport,
    NoBase,
    RunBase,
    UnsettledBranchesError,
    make_due_moves,
    run_base,
)
from coworkd.merge.branch_rules import Collision, NothingToDo, Rebuild, Unrelated
from coworkd.merge.candidate_pipeline import CandidatePipeline, pin_candidate
from coworkd.merge.checks.facts import ChangeContext, check_findings
from coworkd.merge.gate_pool import GatePool
from coworkd.merge.git.change_summary import ChangeSummary, summarise_change
from coworkd.merge.git.facts import BranchContext
from coworkd.merge.git.integration import land
from coworkd.merge.git.remembered_resolutions import (
    ResolvedConflict,
    forget_resolutions_of,
    remember_resolution,
)
from coworkd.merge.git.revert_commits import RevertCommit, RevertFailed, file_revert
from coworkd.merge.git.target_sync import LandedInTarget, TargetRefused, land_target
from coworkd.merge.job_values import (
    Interrupted,
    Landed,
    LandRequest,
    StoredSubmission,
    TipCheckResult,
    TipMoved,
    VerificationFailed,
    VerificationResult,
    Verified,
    VerifyRequest,
)
from coworkd.merge.red_candidates import BlameFinder
from coworkd.merge.target_entry import TargetEntry, TargetState, not_in_reason
from coworkd.merge.try_pipeline import TryPipeline
from coworkd.merge.try_values import TryDeferred, TryRequest
from coworkd.merge.verifier import TARGET, Verifier, gate_run, verification_of
from coworkd.slots.repo_template import survey
from coworkd.store import SubmissionKey
from coworkd.store.landings import NeededLanding
from coworkd.store.stacks import StackedSubmission
from coworkd.system.git import Repo
from coworkd.system.git.numbered_refs import next_number_under, numbered_refs
from coworkd.system.git.refs import LANDINGS, branch_ref, submission_ref
from coworkd.system.git.repo_pool import RepoPool
from coworkd.system.sandbox.policy import UNCONFINED, SandboxCapabilities


class IntegrationJobs:
    """Works on one repository; safe to call from any thread. Each verification has a gate of its own."""

    def __init__(
        self,
        root: Path,
        state: Path,
        stopping: threading.Event,
        means: Callable[[], SandboxCapabilities] = lambda: UNCONFINED,
    ) -> None:
        self._repos = RepoPool(root)
        self._state = state
        self._stopping = stopping
        self._verifier = Verifier(state, stopping, means)
        self._gates = GatePool()
        self._blame_finder = BlameFinder(self._verifier)

    # ---- the branches

    def settings_key(self, request: VerifyRequest) -> str:
        """Equal as long as the same would be done for a verification, on a machine that can do the same."""
        return self._verifier.settings_key(verification_of(request, request.commands), request.timeout)

    def output_folder(self, name: str) -> Path:
        """Where the output of the latest verification of this name is: `N.log` is the N-th check's."""
        return self._verifier.output_folder(name)

    def check_tip(self, request: VerifyRequest, command: str) -> TipCheckResult | Interrupted:
        """Check the tip once more, which was red without any change."""
        with self._repos.lend() as repo, self._gates.lend() as gate:
            tip = repo.commit(branch_ref(request.branch)) or ""
            run = gate_run(request, tip, request.commands, gate)
            red = self._blame_finder.is_still_red(repo, run, request.workspace, command, self._stopping.is_set)
        return Interrupted() if red is None else TipCheckResult(red=red)

    def latest_submission(self, task: str, branch: str) -> StoredSubmission | None:
        """The latest submission of a task that the refs still hold."""
        with self._repos.lend() as repo:
            number = max(numbered_refs(repo, submission_ref(task, 0).rpartition("/")[0]), default=0)
            commit, tip = repo.commit(submission_ref(task, number)), repo.commit(branch_ref(branch))
            if not number or not commit or not tip:
                return None
            base, tree = repo.merge_bases(commit, tip)[:1], repo.tree_of(commit)
            return StoredSubmission(number=number, commit=commit, tree=tree, base=base[0]) if base else None

    def base(
        self, branches: BranchContext, needed: Sequence[NeededLanding], stack: Sequence[StackedSubmission] = ()
    ) -> RunBase | NoBase:
        """The commit a new run starts from: the tip and the target merged, with every landing that it needs.

        `stack`: submissions that have not landed, on top of that.
        """
        with self._repos.lend() as repo:
            return run_base(repo, branches, needed, stack)

    def look(self, branches: BranchContext, *, follow: bool = True) -> BranchReport | None:
        """Where the branches stand, integration brought in step with its target as far as that needs no verification.

        `follow` False: it stays where it is, unless it is gone. None: the target has no commit yet.
        """
        with self._repos.lend() as repo:
            if repo.commit(branch_ref(branches.target)) is None:
                return None
            return make_due_moves(repo, branches, follow=follow)

    def update_branch(
        self, branches: BranchContext, request: VerifyRequest, needs: Mapping[str, Sequence[str]]
    ) -> BranchReport | None:
        """Bring integration in step with its target, up to and with one move that has to be verified.

        None: the target has no commit yet.
        """
        with self._repos.lend() as repo:
            if repo.commit(branch_ref(branches.target)) is None:
                return None
            return self._move_verified(repo, branches, request, needs, most_verified=1)

    def _move_verified(
        self,
        repo: Repo,
        branches: BranchContext,
        request: VerifyRequest,
        needs: Mapping[str, Sequence[str]],
        *,
        most_verified: int,
    ) -> BranchReport:
        """Bring integration in step; the target's commits are checked in a gate of their own."""
        own = dataclasses.replace(request, commands=request.workspace)

        def check(commit: str) -> tuple[Check, ...] | None:
            pin_candidate(repo, commit)
            return self._verifier.check(repo, gate_run(own, commit, own.commands, TARGET), self._stopping.is_set)

        return make_due_moves(repo, branches, verify=check, needs=needs, most_verified=most_verified)

    # ---- verifying

    def verify(self, request: VerifyRequest, cancelled: Callable[[], bool]) -> VerificationResult:
        """Merge the submission with the tip and run the commands on exactly the result.

        Ends early, with `Interrupted`, when `cancelled` reports that it has left the queue, and when the daemon stops.
        """

        def is_cancelled() -> bool:
            return self._stopping.is_set() or cancelled()

        with self._repos.lend() as repo, self._gates.lend() as gate:
            tip = repo.commit(branch_ref(request.branch))
            if tip is None:
                return TipMoved(tip="")
            if not request.has_change:
                return Verified(tip=tip, candidate=tip, tree=repo.tree_of(tip), checks=(), proof="nothing changed")
            pipeline = CandidatePipeline(
                repo=repo, request=request, verifier=self._verifier, gate=gate, blame_finder=self._blame_finder,
                state=self._state, is_cancelled=is_cancelled,
            )  # fmt: skip
            return _run_pipeline(pipeline, tip)

    def verify_batch(
        self, requests: tuple[VerifyRequest, ...], cancelled: Callable[[], bool]
    ) -> BatchResult | Interrupted | TipMoved:
        """Merge the submissions one after another with the tip and run their commands once, on the last result."""

        def is_cancelled() -> bool:
            return self._stopping.is_set() or cancelled()

        with self._repos.lend() as repo, self._gates.lend() as gate:
            tip = repo.commit(branch_ref(requests[0].branch))
            if tip is None:
                return TipMoved(tip="")
            pipeline = BatchPipeline(
                repo=repo, requests=requests, verifier=self._verifier, gate=gate, is_cancelled=is_cancelled
            )
            try:
                return pipeline.run(tip)
            except UnfitRepositoryError as error:
                keys = [SubmissionKey(request.task, request.number) for request in requests]
                return BatchResult(alone=tuple(Alone(key=key, reason=str(error)) for key in keys))

    def probe(self, requests: tuple[VerifyRequest, ...], length: int, cancelled: Callable[[], bool]) -> None:
        """Verify the first so many of a batch that is being verified."""

        def is_cancelled() -> bool:
            return self._stopping.is_set() or cancelled()

        with self._repos.lend() as repo, self._gates.lend() as gate:
            tip = repo.commit(branch_ref(requests[0].branch))
            if tip is not None and not is_cancelled():
                pipeline = BatchPipeline(
                    repo=repo, requests=requests, verifier=self._verifier, gate=gate, is_cancelled=is_cancelled
                )
                pipeline.probe(tip, length)

    def try_change(self, request: TryRequest) -> TryResult | TryDeferred:
        """Find out about a change that no queue has, for a pattern of collaboration."""
        is_cancelled = self._stopping.is_set
        with self._repos.lend() as repo, self._gates.lend() as gate:
            pipeline = TryPipeline(
                repo=repo, verifier=self._verifier, gate=gate, is_cancelled=is_cancelled,
                verify=lambda: self.verify(request.change, is_cancelled),
            )  # fmt: skip
            try:
                return pipeline.run(request)
            finally:
                self._verifier.remove_output(request.change.output)

    # ---- landing

    def land(self, request: LandRequest) -> Landed | TipMoved:
        """Move the branch by compare-and-swap; a submission without a change lands by being looked at."""
        *earlier, last = request.candidates
        with self._repos.lend() as repo:
            if last == request.tip:
                return Landed(commit=request.tip)
            _remember_resolutions(repo, request.resolved)
            number = next_number_under(repo, LANDINGS)
            if land(repo, request.branch, request.tip, last, number, earlier=earlier):
                return Landed(commit=last)
            return TipMoved(tip=repo.commit(branch_ref(request.branch)) or "")

    def land_in_target(
        self, request: VerifyRequest, branches: BranchContext, *, onto: bool = False
    ) -> LandedInTarget | TargetRefused:
        """`coworkd land`: integration first takes in the target's new commits, then the target takes integration."""
        try:
            return self._land_in_target(request, branches, onto=onto)
        except UnsettledBranchesError:
            entry = TargetEntry(tip="", state=TargetState.MOVED)
            return TargetRefused(reason=not_in_reason(entry, request.target, request.branch), moving=True)

    def _land_in_target(
        self, request: VerifyRequest, branches: BranchContext, *, onto: bool
    ) -> LandedInTarget | TargetRefused:
        with self._repos.lend() as repo:
            report_before = make_due_moves(repo, branches)
            report = (
                report_before
                if isinstance(report_before.move, Rebuild)
                else self._move_verified(repo, branches, request, {}, most_verified=MAX_ROUNDS)
            )
            entry = _target_entry(report, self._stopping.is_set())
            if reason := not_in_reason(entry, request.target, request.branch):
                return TargetRefused(reason=reason, moving=entry.state is TargetState.MOVED)
            return land_target(repo, request.branch, request.target, onto=onto)

    # ---- reverting

    def revert(self, landing: str, task: str, number: int, branch: str) -> RevertCommit | RevertFailed:
        """A submission that undoes a landing, and which tasks have built on it; its own resolutions are forgotten."""
        with self._repos.lend() as repo:
            made = file_revert(repo, landing, task, number, repo.commit(branch_ref(branch)) or landing)
            if isinstance(made, RevertCommit):
                forget_resolutions_of(repo, made.landing)
            return made

    # ---- for the review

    def summarise_change(self, base: str, commit: str, context: ChangeContext | None = None) -> ChangeSummary:
        """What a candidate changes against its tip; with a `context` also what it does to its checks."""
        with self._repos.lend() as repo:
            base = repo.commit(base) or base
            summary = summarise_change(repo, base, commit)
            if context is None:
                return summary
            return dataclasses.replace(summary, findings=check_findings(repo, base, commit, summary.files, context))


def _run_pipeline(pipeline: CandidatePipeline, tip: str) -> VerificationResult:
    """Run it; files that no slot can hold fail the submission, unless the tip has such files itself."""
    try:
        return pipeline.run(tip)
    except UnfitRepositoryError as error:
        if error.kind is not StartFaultKind.FILES or _is_unsupported(pipeline.repo, tip):
            raise
        reason = f"no slot could hold the files with this change: {error}"
        return VerificationFailed(tip=tip, checks=(), reason=reason)


def _remember_resolutions(repo: Repo, resolved: Sequence[ResolvedConflict]) -> None:
    """Keep what is verified and approved now; where that fails it is resolved once more, and the landing goes on."""
    for conflict in resolved:
        with suppress(RepoError):
            remember_resolution(repo, conflict)


def _is_unsupported(repo: Repo, commit: str) -> bool:
    """Whether a commit is one that slots cannot hold: then a change on top of it is not to blame."""
    try:
        survey(repo, commit)
    except UnfitRepositoryError:
        return True
    return False


def _target_entry(report: BranchReport, stopping: bool) -> TargetEntry:
    tip = report.state.facts.integration
    match report.move:
        case NothingToDo():
            return TargetEntry(tip=tip, state=TargetState.IN)
        case Collision(paths=paths):
            return TargetEntry(tip=tip, state=TargetState.CONFLICT, paths=paths)
        case Rebuild():
            return TargetEntry(tip=tip, state=TargetState.DROPPED, dropped=report.dropped)
        case Unrelated():
            return TargetEntry(tip=tip, state=TargetState.UNRELATED)
        case _ if report.red:
            return TargetEntry(tip=tip, state=TargetState.RED, checks=(report.red,))
        case _:
            return TargetEntry(tip=tip, state=TargetState.INTERRUPTED if stopping else TargetState.MOVED)
