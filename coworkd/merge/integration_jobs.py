"""The one lane to the integration branch: jobs that merge, verify and land, one at a time.

Blocking; called from job threads only, each opening a `Repo` of its own. Orders and results are values.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.model import Check, SandboxSpec
from coworkd.core.start_faults import StartFaultKind, UnfitRepositoryError
from coworkd.merge.blame import Blame, failure_of, needs_repetition, outcome
from coworkd.merge.branch_jobs import BranchReport, NoBase, RunBase, keep, run_base
from coworkd.merge.branch_rules import Collision, NothingToDo, Rebuild, Unrelated
from coworkd.merge.checkout_links.marking import unverified_reason
from coworkd.merge.checks.facts import ChangeContext, check_findings
from coworkd.merge.git.branch_moves import merge_target
from coworkd.merge.git.candidates import MergeSources, candidate_for, sources
from coworkd.merge.git.change_summary import ChangeSummary, change
from coworkd.merge.git.conflict_bundle import Dispute, bundle, kind_of
from coworkd.merge.git.facts import BranchContext
from coworkd.merge.git.integration import MergeCommit, Submission, land
from coworkd.merge.git.loss_check import proof
from coworkd.merge.git.revert_commits import RevertCommit, RevertFailed, beside, invert
from coworkd.merge.git.target_sync import LandedInTarget, TargetRefused, land_target
from coworkd.merge.git.tree_merge import Conflicted
from coworkd.merge.red_candidates import BlameFinder, BranchHeads, FailedWithoutChange, TipCheckResult, WorkspaceChecks
from coworkd.merge.target_entry import TargetEntry, TargetState, not_in_reason
from coworkd.merge.tip_version import tip_version
from coworkd.merge.verification import Verification
from coworkd.merge.verifier import OWN_OUTPUT, SUBMISSIONS, TARGET, TARGET_OUTPUT, TIP_VERSION_OUTPUT, GateRun, Verifier
from coworkd.slots.repo_template import survey
from coworkd.store.landings import NeededLanding
from coworkd.system.git import Repo
from coworkd.system.git.refs import RefChange, branch_ref, candidate_ref, refs_under, submission_ref, update_refs
from coworkd.system.sandbox.policy import UNCONFINED, SandboxCapabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """Merge a submission with the present tip and check the result."""

    task: str
    title: str
    attempt: int
    number: int
    commit: str
    base: str
    made: bool
    """False: the agent changed nothing, and there is nothing to merge."""
    commands: tuple[str, ...]
    """The workspace's, then the task's own."""
    workspace: tuple[str, ...]
    """Those of the workspace alone, which also verify the target's own commits."""
    setup: tuple[str, ...]
    copy: tuple[str, ...]
    sandbox: SandboxSpec
    """What the workspace's settings open to set-up and verification."""
    timeout: float
    branch: str
    target: str
    onto_target: bool = False
    """The target's own commits are red as merged with what landed: what was made on top of them may repair that."""
    loop: bool = False
    """The task goes on, round after round, until the commands are green."""
    undoes: str = ""
    """The landing that the submission takes back; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSubmission:
    """A submission as its ref has it."""

    number: int
    commit: str
    tree: str
    base: str
    """Where it left the integration branch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandRequest:
    """Move the integration branch to a candidate that is green on `tip`."""

    task: str
    number: int
    tip: str
    candidate: str
    branch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    tip: str
    candidate: str
    tree: str
    checks: tuple[Check, ...]
    proof: str
    """Why the merge is known to have lost nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationFailed:
    tip: str
    checks: tuple[Check, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeConflict:
    tip: str
    summary: str
    bundle: str
    """Path of the bundle for the author."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TipMoved:
    """Somebody else moved the branch: verify again on its new tip."""

    tip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitingTarget:
    """It was made on commits of the target that integration has not taken yet: their own entry comes first."""

    tip: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutdatedBase:
    """It was made on commits that the target lost, and its own change does not merge without them."""

    tip: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The daemon is stopping, and it is done again after the next start; or nobody waits for it any more."""


VerificationResult = (
    Verified
    | VerificationFailed
    | FailedWithoutChange
    | MergeConflict
    | TipMoved
    | AwaitingTarget
    | OutdatedBase
    | Interrupted
)


class IntegrationJobs:
    """Works on one repository; safe to call from any thread, one call of `verify` or `land` at a time."""

    def __init__(
        self,
        root: Path,
        state: Path,
        stopping: threading.Event,
        means: Callable[[], SandboxCapabilities] = lambda: UNCONFINED,
    ) -> None:
        self._root = root
        self._state = state
        self._stopping = stopping
        self._verifier = Verifier(state, stopping, means)
        self._judge = BlameFinder(self._verifier)

    # ---- the branches

    def heads(self, branch: str, target: str) -> BranchHeads:
        """Where the integration branch and its target stand."""
        with Repo.open(self._root) as repo:
            return BranchHeads(tip=repo.commit(branch_ref(branch)) or "", target=repo.commit(branch_ref(target)) or "")

    def settings_key(self, order: VerifyRequest) -> str:
        """Equal as long as the same would be done for a verification, on a machine that can do the same."""
        return self._verifier.settings_key(_verification(order, order.commands), order.timeout)

    def output_folder(self, name: str) -> Path:
        """Where the output of the latest verification of this name is: `N.log` is the N-th check's."""
        return self._verifier.output_folder(name)

    def check_tip(self, order: VerifyRequest, command: str) -> TipCheckResult | Interrupted:
        """Check the tip once more, which was red without any change."""
        with Repo.open(self._root) as repo:
            tip = repo.commit(branch_ref(order.branch)) or ""
            run = _gate_run(order, tip, order.commands)
            red = self._judge.still_red(repo, run, order.workspace, command, self._stopping.is_set)
        return Interrupted() if red is None else TipCheckResult(red=red)

    def latest(self, task: str, branch: str) -> StoredSubmission | None:
        """The latest submission of a task that the refs still hold."""
        with Repo.open(self._root) as repo:
            refs = refs_under(repo, submission_ref(task, 0).rpartition("/")[0])
            numbers = [int(name.rpartition("/")[2]) for name in refs if name.rpartition("/")[2].isdecimal()]
            tip = repo.commit(branch_ref(branch)) or ""
            if not numbers or not tip:
                return None
            commit = refs[submission_ref(task, max(numbers))]
            base = repo.run("merge-base", commit, tip, check=False).text.strip()
            return (
                StoredSubmission(number=max(numbers), commit=commit, tree=repo.tree_of(commit), base=base)
                if base
                else None
            )

    def base(self, order: BranchContext, needed: Sequence[NeededLanding]) -> RunBase | NoBase:
        """The commit a new run starts from: the tip and the target merged, with every landing that it needs."""
        with Repo.open(self._root) as repo:
            return run_base(repo, order, needed)

    def keep(
        self, order: BranchContext, verifying: VerifyRequest | None, needs: Mapping[str, Sequence[str]]
    ) -> BranchReport | None:
        """Bring integration in step with its target; with an order to verify by, also what needs a verification.

        None: the target has no commit yet.
        """
        with Repo.open(self._root) as repo:
            if repo.commit(branch_ref(order.target)) is None:
                return None
            return self._kept(repo, order, verifying, needs)

    def _kept(
        self, repo: Repo, order: BranchContext, verifying: VerifyRequest | None, needs: Mapping[str, Sequence[str]]
    ) -> BranchReport:
        """What the target brings is checked in a gate of its own: no submission's verification loses files to it."""
        if verifying is None:
            return keep(repo, order)
        own = dataclasses.replace(verifying, commands=verifying.workspace)

        def check(commit: str) -> tuple[Check, ...] | None:
            self._pin(repo, commit)
            return self._check(repo, own, commit, TARGET, self._stopping.is_set)

        return keep(repo, order, verify=check, needs=needs)

    # ---- verifying

    def verify(self, order: VerifyRequest, given_up: Callable[[], bool]) -> VerificationResult:
        """Merge the submission with the tip and run the commands on exactly the result.

        Ends early, with `Interrupted`, once `given_up` says that nobody waits for it, and when the daemon stops.
        """

        def over() -> bool:
            return self._stopping.is_set() or given_up()

        with Repo.open(self._root) as repo:
            tip = repo.commit(branch_ref(order.branch))
            if tip is None:
                return TipMoved(tip="")
            if not order.made:
                return Verified(tip=tip, candidate=tip, tree=repo.tree_of(tip), checks=(), proof="nothing changed")
            try:
                return self._verified(repo, order, tip, over)
            except UnfitRepositoryError as error:
                if error.kind is not StartFaultKind.FILES or _refused(repo, tip):
                    raise
                return VerificationFailed(
                    tip=tip, checks=(), reason=f"no slot could hold the files with this change: {error}"
                )

    def _verified(self, repo: Repo, order: VerifyRequest, tip: str, over: Callable[[], bool]) -> VerificationResult:
        stand = beside(repo, tip, order.undoes) if order.undoes else tip
        found = sources(repo, tip=tip, stand=stand, target=order.target, base=order.base, commit=order.commit)
        onto = tip
        if found.awaited:
            both = merge_target(repo, tip, found.awaited, order.target) if order.onto_target else None
            if not isinstance(both, MergeCommit):
                why = f"waits until {order.target} is in {order.branch}: it was made on top of both"
                return AwaitingTarget(tip=tip, reason=why)
            onto, found = both.commit, dataclasses.replace(found, ours=both.commit)
        made = candidate_for(repo, onto, _submission(order), found)
        if isinstance(made, Conflicted):
            return self._collision(repo, order, tip, made, found)
        self._pin(repo, made.commit)
        shown = proof(repo, found.ours, found.theirs, found.base, made.commit)
        if not shown.ok:
            return VerificationFailed(tip=tip, checks=(), reason=f"the merge would lose something: {shown.detail}")
        checks = self._check(repo, order, made.commit, SUBMISSIONS, over)
        if checks is not None and _red(checks) and needs_repetition(failure_of(checks[-1])):
            checks = self._check(repo, order, made.commit, SUBMISSIONS, over)
        if checks is None:
            return Interrupted()
        if _red(checks) and (blamed := self._blamed(repo, order, tip, onto, checks, over)) is not None:
            return blamed
        whole = self._with_tip_version(repo, order, onto, made.commit, checks, over)
        if whole is None:
            return Interrupted()
        if red := next((check for check in whole if check.from_tip and not check.green and not check.reached), None):
            return VerificationFailed(tip=tip, checks=whole, reason=_reason(red))
        return Verified(tip=tip, candidate=made.commit, tree=made.tree, checks=whole, proof=shown.detail)

    def _check(
        self, repo: Repo, order: VerifyRequest, commit: str, gate: str, over: Callable[[], bool]
    ) -> tuple[Check, ...] | None:
        return self._verifier.check(repo, _gate_run(order, commit, order.commands, gate), over)

    def _with_tip_version(
        self,
        repo: Repo,
        order: VerifyRequest,
        tip: str,
        commit: str,
        checks: tuple[Check, ...],
        over: Callable[[], bool],
    ) -> tuple[Check, ...] | None:
        """The checks of a candidate that is not red; where it changes what they execute, also with the tip's version.

        Of a command that is red on the tip itself, the tip's version says nothing: the change is to make it green.
        None: it was interrupted.
        """
        if not unverified_reason(checks):
            green = tuple(check for check in checks if check.command in order.workspace)
            self._verifier.remember(repo, _gate_run(order, commit, order.workspace), green)
        own = frozenset(order.commands) - frozenset(order.workspace)
        found = tip_version(repo, tip, commit, order.commands, own) if not order.undoes else None
        if found is None:
            return checks
        commands = tuple(one for one in found.commands if self._says_on_tip(repo, order, tip, one, over))
        if not commands:
            return None if over() else checks
        run = dataclasses.replace(_gate_run(order, found.commit, commands), output=TIP_VERSION_OUTPUT)
        before = self._verifier.check(repo, run, over)
        if before is None:
            return None
        self._verifier.join_output(TIP_VERSION_OUTPUT, order.task, len(checks))
        paths = ", ".join(found.paths)
        return (*checks, *(dataclasses.replace(check, from_tip=paths) for check in before))

    def _says_on_tip(self, repo: Repo, order: VerifyRequest, tip: str, command: str, over: Callable[[], bool]) -> bool:
        """Whether a command is green on the tip alone: one of the task's own may be there to become green."""
        if command in order.workspace:
            return True
        alone = dataclasses.replace(_gate_run(order, tip, (command,)), output=OWN_OUTPUT)
        on_tip = self._verifier.check_tip(repo, alone, over)
        return on_tip is not None and all(check.green for check in on_tip)

    def _blamed(
        self,
        repo: Repo,
        order: VerifyRequest,
        tip: str,
        onto: str,
        checks: tuple[Check, ...],
        over: Callable[[], bool],
    ) -> VerificationFailed | FailedWithoutChange | Interrupted | None:
        """Who is to blame for a candidate that is red; None: its commands were led into a checkout, and prove nothing.

        `onto`: the commit that it was merged with. A command that only misses what it was led to is the agent's where
        that commit is green without it all the same.
        """
        red = next((check for check in reversed(checks) if not check.green and not check.reached), None)
        suspect = red or _missing(order, checks)
        if suspect is None:
            return None
        found = self._judge.judge(
            repo, _gate_run(order, onto, order.commands), WorkspaceChecks(commands=order.workspace, loop=order.loop),
            suspect, over,
        )  # fmt: skip
        if found is None:
            return Interrupted()
        if found.blame is Blame.AGENT:
            return VerificationFailed(tip=tip, checks=checks, reason=_reason(suspect))
        if red is None:
            return None
        target = repo.commit(branch_ref(order.target)) or ""
        return FailedWithoutChange(
            tip=tip,
            target=target,
            key=self.settings_key(order),
            checks=checks,
            own=found.own,
            blame=found.blame,
            tip_checks=found.tip_checks,
        )

    def _pin(self, repo: Repo, commit: str) -> None:
        """Give a candidate a ref, for a gc takes what has none."""
        update_refs(repo, [RefChange(name=candidate_ref(_next(repo, "refs/cowork/cand")), old=None, new=commit)])

    def _collision(
        self, repo: Repo, order: VerifyRequest, tip: str, made: Conflicted, found: MergeSources
    ) -> MergeConflict | OutdatedBase:
        if found.dropped:
            return OutdatedBase(
                tip=tip,
                reason=f"it was made on commits that {order.target} lost since, and conflicts without them in"
                f" {', '.join(made.paths)}: it is done again",
            )
        dispute = Dispute(submission=_submission(order), tip=tip, base=order.base, kind=kind_of(made), conflict=made)
        path = self._state / "bundles" / f"{order.task}-{order.number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(bundle(repo, dispute))
        return MergeConflict(tip=tip, summary=f"conflict in {', '.join(made.paths)}", bundle=str(path))

    # ---- landing

    def land(self, order: LandRequest) -> Landed | TipMoved:
        """Move the branch by compare-and-swap; a submission without a change lands by being looked at."""
        with Repo.open(self._root) as repo:
            if order.candidate == order.tip:
                return Landed(commit=order.tip)
            if land(repo, order.branch, order.tip, order.candidate, _next(repo, "refs/cowork/land")):
                return Landed(commit=order.candidate)
            return TipMoved(tip=repo.commit(branch_ref(order.branch)) or "")

    def into_target(
        self, order: VerifyRequest, branches: BranchContext, *, onto: bool = False
    ) -> LandedInTarget | TargetRefused:
        """`coworkd land`: integration first takes in the target's new commits, then the target takes integration."""
        with Repo.open(self._root) as repo:
            ahead = keep(repo, branches)
            report = ahead if isinstance(ahead.move, Rebuild) else self._kept(repo, branches, order, {})
            entry = _target_entry(report, self._stopping.is_set())
            if reason := not_in_reason(entry, order.target, order.branch):
                return TargetRefused(reason=reason)
            return land_target(repo, order.branch, order.target, onto=onto)

    # ---- taking back

    def invert(self, landing: str, task: str, number: int, branch: str) -> RevertCommit | RevertFailed:
        """A submission that undoes a landing, and which tasks have built on it."""
        with Repo.open(self._root) as repo:
            return invert(repo, landing, task, number, repo.commit(branch_ref(branch)) or landing)

    # ---- for the review

    def change(self, base: str, commit: str, context: ChangeContext | None = None) -> ChangeSummary:
        """What a candidate changes against its tip; with a `context` also what it does to its checks."""
        with Repo.open(self._root) as repo:
            found = change(repo, base, commit)
            if context is None:
                return found
            return dataclasses.replace(found, findings=check_findings(repo, base, commit, found.files, context))


def _submission(order: VerifyRequest) -> Submission:
    return Submission(
        task=order.task, attempt=order.attempt, number=order.number, commit=order.commit, title=order.title
    )


def _verification(order: VerifyRequest, commands: tuple[str, ...]) -> Verification:
    return Verification(commands=commands, setup=order.setup, copy=order.copy, sandbox=order.sandbox)


def _gate_run(order: VerifyRequest, commit: str, commands: tuple[str, ...], gate: str = SUBMISSIONS) -> GateRun:
    what, output = _verification(order, commands), TARGET_OUTPUT if gate == TARGET else order.task
    return GateRun(commit=commit, what=what, timeout=order.timeout, gate=gate, output=output)


def _missing(order: VerifyRequest, checks: Sequence[Check]) -> Check | None:
    """The first command of the workspace that did not see what it was led to, where the tip can say more about it."""
    shared = () if order.loop else (*order.workspace, *order.setup)
    return next((check for check in checks if not check.green and check.hidden and check.command in shared), None)


def _refused(repo: Repo, commit: str) -> bool:
    """Whether a commit is one that slots do not hold: then a change on top of it is not what they refuse."""
    try:
        survey(repo, commit)
    except UnfitRepositoryError:
        return True
    return False


def _red(checks: Sequence[Check]) -> bool:
    return not all(check.green for check in checks)


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


def _next(repo: Repo, prefix: str) -> int:
    numbers = [int(name.rpartition("/")[2]) for name in refs_under(repo, prefix) if name.rpartition("/")[2].isdigit()]
    return max(numbers, default=0) + 1


def _reason(check: Check) -> str:
    before = f" with the version of {check.from_tip} from before this change" if check.from_tip else ""
    return f"`{check.command}`{before}: {outcome(check)}\n\n{check.tail[-3000:]}"
