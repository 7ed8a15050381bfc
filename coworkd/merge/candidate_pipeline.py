"""One verification of a submission, as a pipeline of steps that take and return values.

Bring in the target's commits that it was made on; merge; prove that nothing is lost; run the checks; run those that the
change itself alters as they were before. The first step that finds something against it ends the pipeline.

Blocking; called from job threads only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.errors import RepoError
from coworkd.core.model import Check
from coworkd.core.text_formats import shorten_start
from coworkd.merge.blame import Blame, failure_of, needs_repetition, outcome_text
from coworkd.merge.git.branch_moves import merge_target
from coworkd.merge.git.candidates import MergeSources, find_merge_sources, merge_submission
from coworkd.merge.git.conflict_bundle import ConflictKind, Dispute, bundle, bundle_file, conflict_facts, kind_of
from coworkd.merge.git.integration import MergeCommit, Submission
from coworkd.merge.git.loss_check import lacks_lines, proof_sentence, prove_merge
from coworkd.merge.git.remembered_resolutions import forget_resolutions, merge_as_before
from coworkd.merge.git.stacking import StackConflict, merge_stack, supersede
from coworkd.merge.git.tree_merge import Conflicted, RememberedResolution
from coworkd.merge.job_values import (
    AwaitingStack,
    AwaitingTarget,
    FailedWithoutChange,
    Interrupted,
    MergeConflict,
    OutdatedBase,
    VerificationFailed,
    VerificationResult,
    Verified,
    VerifyRequest,
)
from coworkd.merge.joint_failure import LoneRun, joint_failure_facts
from coworkd.merge.red_candidates import BlameFinder, WorkspaceChecks
from coworkd.merge.tip_version import tip_version
from coworkd.merge.verifier import GateRun, Verifier, gate_run, output_of, tip_version_output, verification_of
from coworkd.system.git import Repo
from coworkd.system.git.numbered_refs import next_number_under
from coworkd.system.git.refs import CANDIDATES, RefChange, branch_ref, candidate_ref, update_refs

_Checks = tuple[Check, ...]
_PIN_ATTEMPTS = 100
"""More than there are verifications at the same time: each of them may take a number first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeInput:
    """What a submission is merged with."""

    tip: str
    """Where the integration branch stands."""
    onto: str
    """The tip, or that merged with what the submission was made on and what has not landed."""
    sources: MergeSources


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeCandidate:
    """A merge that lost nothing; a ref names it."""

    tip: str
    onto: str
    commit: str
    tree: str
    proof: str
    resolved: tuple[RememberedResolution, ...] = ()
    """Conflicts that were resolved as before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatePipeline:
    """Verifies one submission in one repository."""

    repo: Repo
    request: VerifyRequest
    verifier: Verifier
    gate: str
    """Where it is verified: nothing else is, meanwhile."""
    blame_finder: BlameFinder
    state: Path
    """The folder of the workspace in which conflicts are described."""
    is_cancelled: Callable[[], bool]
    """Whether the verification is to end early."""

    def run(self, tip: str) -> VerificationResult:
        """Verify the submission as merged with this commit of the integration branch."""
        merge_input = self._bring_in_target(tip)
        if isinstance(merge_input, AwaitingTarget | AwaitingStack):
            return merge_input
        candidate = self._merge(merge_input)
        if not isinstance(candidate, MergeCandidate):
            return candidate
        result = self._verify(candidate)
        if candidate.resolved and isinstance(result, VerificationFailed | MergeConflict):
            return self._forget_resolution(merge_input, candidate.resolved) or result
        return result

    def _verify(self, candidate: MergeCandidate) -> VerificationResult:
        if confirmed := self._red_suspect(candidate):
            return confirmed
        checks = self._run_checks(candidate)
        if isinstance(checks, VerificationFailed):
            return self._joint_failure(candidate, checks) or checks
        if not isinstance(checks, tuple):
            return checks
        return self._run_earlier_checks(candidate, checks)

    # ---- bring in the target, and what it is stacked on

    def _bring_in_target(self, tip: str) -> MergeInput | AwaitingTarget | AwaitingStack:
        request = self.request
        merge_input = self._bring_in_stack(tip, tip)
        if isinstance(merge_input, AwaitingStack) or not (awaited := merge_input.sources.awaited):
            return merge_input
        both = merge_target(self.repo, tip, awaited, request.target) if request.onto_target else None
        if not isinstance(both, MergeCommit):
            why = f"waits until {request.target} is in {request.branch}: it was made on top of both"
            return AwaitingTarget(tip=tip, reason=why)
        return self._bring_in_stack(tip, both.commit)

    def _bring_in_stack(self, tip: str, lower: str) -> MergeInput | AwaitingStack:
        """`lower`: the tip, or that with the target's commits."""
        request = self.request
        onto = merge_stack(self.repo, lower, request.target, request.stack)
        if isinstance(onto, StackConflict):
            return AwaitingStack(tip=tip, reason=f"waits: {onto.reason}")
        merge_sources = find_merge_sources(
            self.repo, tip=onto, target=request.target, base=request.base, commit=request.commit
        )
        return MergeInput(tip=tip, onto=onto, sources=merge_sources)

    # ---- merge, and prove that nothing is lost

    def _merge(self, merge_input: MergeInput) -> MergeCandidate | MergeConflict | OutdatedBase | VerificationFailed:
        sources = merge_input.sources
        merged = merge_submission(
            self.repo, merge_input.onto, submission_of(self.request), sources, merge=merge_as_before
        )
        if isinstance(merged, Conflicted):
            return self._conflict(merge_input, merged)
        pin_candidate(self.repo, merged.commit)
        proof = prove_merge(self.repo, sources.ours, sources.theirs, sources.base, merged.commit, merged.resolved)
        if not proof.ok:
            reason = f"the merge would lose something: {proof.detail}"
            return VerificationFailed(tip=merge_input.tip, checks=(), reason=reason)
        if self.request.undoes and lacks_lines(proof.detail):
            return VerificationFailed(tip=merge_input.tip, checks=(), reason=proof_sentence(proof.detail))
        return MergeCandidate(
            tip=merge_input.tip,
            onto=merge_input.onto,
            commit=merged.commit,
            tree=merged.tree,
            proof=proof.detail,
            resolved=merged.resolved,
        )

    def _forget_resolution(
        self, merge_input: MergeInput, resolved: Sequence[RememberedResolution]
    ) -> MergeConflict | OutdatedBase | None:
        """The conflict as it is without what was remembered, which is red here and not used again."""
        forget_resolutions(self.repo, resolved)
        merged = merge_submission(self.repo, merge_input.onto, submission_of(self.request), merge_input.sources)
        sources = ", ".join(dict.fromkeys(one.source for one in resolved))
        note = f"; with the resolution of {sources} it is red, and that is forgotten"
        return self._conflict(merge_input, merged, note) if isinstance(merged, Conflicted) else None

    def _conflict(self, merge_input: MergeInput, merged: Conflicted, note: str = "") -> MergeConflict | OutdatedBase:
        request, paths = self.request, ", ".join(merged.paths)
        if merge_input.sources.dropped and not (request.stack or request.undoes):
            lost = f"it was made on commits that {request.target} or {request.branch} lost since"
            why = f"{lost}, and conflicts without them in {paths}"
            return OutdatedBase(tip=merge_input.tip, reason=f"{why}: it is done again")
        tip = self._tip_to_merge(merge_input)
        dispute = Dispute(
            submission=submission_of(request),
            tip=tip,
            base=request.base,
            kind=kind_of(merged),
            conflict=merged,
        )
        path = self._write_bundle(dispute)
        facts = conflict_facts(self.repo, request.commit, tip, merged)
        return MergeConflict(
            tip=merge_input.tip, summary=f"conflict in {paths}{self._stack_note()}{note}", bundle=path, facts=facts,
            stacked_on=request.stacked_on, conflict_tip=tip if request.stack else "",
        )  # fmt: skip

    def _tip_to_merge(self, merge_input: MergeInput) -> str:
        """The commit that the author is to merge in; of a stack a ref has to name it."""
        if not self.request.stack:
            return merge_input.tip
        onto, dropped = merge_input.onto, merge_input.sources.dropped
        tip = supersede(self.repo, onto, self.request.base) if dropped else onto
        pin_candidate(self.repo, tip)
        return tip

    def _stack_note(self) -> str:
        below = ", ".join(f"submission {one.number} of {one.task}" for one in self.request.stack)
        return f" with {below}, which it builds on" if below else ""

    def _write_bundle(self, dispute: Dispute) -> str:
        path = bundle_file(self.state, self.request.task, self.request.number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(bundle(self.repo, dispute))
        return str(path)

    def _lone_run(self, candidate: MergeCandidate) -> LoneRun:
        run = self._run_on(self.request.commit, self.request.commands)
        return LoneRun(
            request=self.request, onto=candidate.onto, run=run, verifier=self.verifier, is_cancelled=self.is_cancelled
        )  # fmt: skip

    def _red_suspect(self, candidate: MergeCandidate) -> VerificationFailed | None:
        """A batch was red with it and green without it, and so is the submission by itself: nothing else is needed."""
        alone = self._lone_run(candidate).red_suspect(self.repo)
        if alone is None:
            return None
        self.verifier.select_output(alone.output, self.request.task, range(1, len(alone.checks) + 1))
        red = next(check for check in alone.checks if not check.green)
        return VerificationFailed(tip=candidate.tip, checks=alone.checks, reason=_failure_reason(red))

    def _joint_failure(self, candidate: MergeCandidate, failed: VerificationFailed) -> MergeConflict | None:
        """A conflict, where the candidate is red only together with what landed since; None: it is not."""
        request = self.request
        red = next((check for check in reversed(failed.checks) if not check.green and not check.reached), None)
        if red is None:
            return None
        if not self._lone_run(candidate).is_green(self.repo, red):
            return None
        dispute = Dispute(
            submission=submission_of(request), tip=candidate.tip, base=request.base, kind=ConflictKind.VERIFY,
            gate_log=red.tail,
        )  # fmt: skip
        return MergeConflict(
            tip=candidate.tip, bundle=self._write_bundle(dispute), checks=failed.checks,
            summary=f"`{red.command}` is red together with what has landed since, and green without it",
            facts=joint_failure_facts(self.repo, request.commit, candidate.tip, red),
        )  # fmt: skip

    # ---- run the checks

    def _run_checks(
        self, candidate: MergeCandidate
    ) -> _Checks | VerificationFailed | FailedWithoutChange | AwaitingStack | Interrupted:
        run = self._run_on(candidate.commit, self.request.commands)
        checks = self.verifier.check_candidate(self.repo, run, self.is_cancelled)
        if checks is not None and _has_failed_check(checks) and needs_repetition(failure_of(checks[-1])):
            checks = self.verifier.check(self.repo, run, self.is_cancelled)
        if checks is None:
            return Interrupted()
        return (self._find_blame(candidate, checks) if _has_failed_check(checks) else None) or checks

    def _find_blame(
        self, candidate: MergeCandidate, checks: _Checks
    ) -> VerificationFailed | FailedWithoutChange | AwaitingStack | Interrupted | None:
        """Why a candidate is red; None: its commands were led into a checkout, and prove nothing.

        A command that only misses what it was led to is the agent's where the commit that the candidate was merged with
        is green without it all the same.
        """
        request = self.request
        red = next((check for check in reversed(checks) if not check.green and not check.reached), None)
        suspect = red or _first_hidden_check(request, checks)
        if suspect is None:
            return None
        on_tip = self._run_on(candidate.onto, request.commands)
        workspace = WorkspaceChecks(commands=request.workspace, loop=request.loop)
        finding = self.blame_finder.find_blame(self.repo, on_tip, workspace, suspect, self.is_cancelled)
        if finding is None:
            return Interrupted()
        if finding.blame is Blame.AGENT:
            return VerificationFailed(tip=candidate.tip, checks=checks, reason=_failure_reason(suspect))
        if red is None:
            return None
        if request.stack and finding.blame is Blame.WORKSPACE:
            below = ", ".join(one.task for one in request.stack)
            return AwaitingStack(
                tip=candidate.tip, reason=f"waits: stacked on {below}: `{red.command}` is red there already"
            )
        return FailedWithoutChange(
            tip=candidate.tip, target=self.repo.commit(branch_ref(request.target)) or "",
            key=self.verifier.settings_key(verification_of(request, request.commands), request.timeout), checks=checks,
            own=finding.own, blame=finding.blame, tip_checks=finding.on_tip.checks if finding.on_tip else (),
            tip_output=finding.on_tip.output if finding.on_tip else "",
        )  # fmt: skip

    # ---- run what the change alters as it was before

    def _run_earlier_checks(
        self, candidate: MergeCandidate, checks: _Checks
    ) -> Verified | VerificationFailed | Interrupted:
        every = self._with_tip_version(candidate, checks)
        if every is None:
            return Interrupted()
        if red := next((check for check in every if check.from_tip and not check.green and not check.reached), None):
            return VerificationFailed(tip=candidate.tip, checks=every, reason=_failure_reason(red))
        return Verified(
            tip=candidate.tip, candidate=candidate.commit, tree=candidate.tree, checks=every, proof=candidate.proof,
            stacked_on=self.request.stacked_on,
        )  # fmt: skip

    def _with_tip_version(self, candidate: MergeCandidate, checks: _Checks) -> _Checks | None:
        """The checks, and where the change alters what they execute, also those with the tip's version of that.

        Of a command that is red on the tip itself, the tip's version says nothing: the change is to make it green.
        None: it was interrupted.
        """
        request = self.request
        if request.undoes:
            return checks
        own = frozenset(request.commands) - frozenset(request.workspace)
        version = tip_version(self.repo, candidate.onto, candidate.commit, request.commands, own)
        if version is None:
            return checks
        commands = tuple(command for command in version.commands if self._is_green_on_tip(candidate.onto, command))
        if not commands:
            return None if self.is_cancelled() else checks
        output = tip_version_output(self.gate)
        run = dataclasses.replace(self._run_on(version.commit, commands), output=output)
        before = self.verifier.check(self.repo, run, self.is_cancelled)
        if before is None:
            return None
        self.verifier.join_output(output, output_of(request), len(checks))
        paths = ", ".join(version.paths)
        return (*checks, *(dataclasses.replace(check, from_tip=paths) for check in before))

    def _is_green_on_tip(self, tip: str, command: str) -> bool:
        """Whether a command is green on the tip alone: one of the task's own may be there to become green."""
        if command in self.request.workspace:
            return True
        on_tip = self.verifier.check_tip(self.repo, self._run_on(tip, (command,)), self.is_cancelled)
        return on_tip is not None and all(check.green for check in on_tip.checks)

    def _run_on(self, commit: str, commands: tuple[str, ...]) -> GateRun:
        """One run of commands on a commit, in the gate of this verification."""
        return gate_run(self.request, commit, commands, self.gate)


def pin_candidate(repo: Repo, commit: str) -> None:
    """Give a candidate a ref, for a gc takes what has none."""
    for _ in range(_PIN_ATTEMPTS):
        name = candidate_ref(next_number_under(repo, CANDIDATES))
        if update_refs(repo, [RefChange(name=name, old=None, new=commit)]):
            return
    raise RepoError("every number for a candidate was taken by another verification: it is verified again")


def submission_of(request: VerifyRequest) -> Submission:
    """What is merged."""
    return Submission(
        task=request.task, attempt=request.attempt, number=request.number, commit=request.commit, title=request.title
    )


def _first_hidden_check(request: VerifyRequest, checks: Sequence[Check]) -> Check | None:
    """The first command of the workspace that did not see what it was led to, where the tip can say more about it."""
    shared = () if request.loop else (*request.workspace, *request.setup)
    return next((check for check in checks if not check.green and check.hidden and check.command in shared), None)


def _has_failed_check(checks: Sequence[Check]) -> bool:
    return not all(check.green for check in checks)


def _failure_reason(check: Check) -> str:
    before = f" with the version of {check.from_tip} from before this change" if check.from_tip else ""
    return f"`{check.command}`{before}: {outcome_text(check)}\n\n{shorten_start(check.tail, 3000)}"
