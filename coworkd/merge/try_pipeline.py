"""Trying a change for a pattern: is it green where it would land, does it pass the others' tests, is a finding true?

The same merge and the same gates as for the queue, and the same results from memory. Blocking; for job threads only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coworkd.core.model import Check
from coworkd.core.policy.tool_risk import level_of
from coworkd.core.text_formats import shorten_start
from coworkd.core.tries import ProofOutcome, TryKind, TryResult
from coworkd.merge.checks.facts import added_tests, weakens_tests
from coworkd.merge.checks.tree import CommitTree
from coworkd.merge.git.change_summary import FileChange, changed_files, summarise_change
from coworkd.merge.git.overlaid_trees import TreeEntry, overlaid_commit
from coworkd.merge.job_values import (
    AwaitingStack,
    AwaitingTarget,
    FailedWithoutChange,
    Interrupted,
    MergeConflict,
    OutdatedBase,
    TipMoved,
    VerificationFailed,
    VerificationResult,
    Verified,
)
from coworkd.merge.reviews.change_risk import risk_features
from coworkd.merge.try_values import OtherChange, TryDeferred, TryRequest
from coworkd.merge.verifier import Verifier, gate_run
from coworkd.system.git import Repo

_TAIL = 3000
"""Characters of the output of what is red."""
_NO_FAILURE = frozenset({0, 126, 127})
"""Exit codes that prove nothing: the command was content, could not be run, or was not found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryPipeline:
    """Tries changes in one repository, in one gate."""

    repo: Repo
    verifier: Verifier
    gate: str
    verify: Callable[[], VerificationResult]
    """Merges the change with the tip and checks the result, as for the queue."""
    is_cancelled: Callable[[], bool]

    def run(self, request: TryRequest) -> TryResult | TryDeferred:
        if request.kind is TryKind.PROOF:
            return self._prove(request)
        found = self.verify()
        if not isinstance(found, Verified):
            return unverified(found)
        if request.kind is TryKind.OTHERS:
            return self._run_tests_of_others(request, found)
        return self._describe(request, found)

    # ---- the change itself

    def _describe(self, request: TryRequest, found: Verified) -> TryResult:
        change = summarise_change(self.repo, found.tip, found.candidate)
        commands = request.change.commands
        return TryResult(
            green=True, weakened=weakens_tests(self.repo, found.tip, found.candidate, change.files, commands),
            lines=change.insertions + change.deletions,
            risk=level_of(risk_features(change, verified=bool(found.checks))),
        )  # fmt: skip

    # ---- the tests of others

    def _run_tests_of_others(self, request: TryRequest, found: Verified) -> TryResult | TryDeferred:
        failing = 0
        for other in request.others:
            entries = self._added_files(other, lambda files: added_tests(files, request.change.commands))
            commit = overlaid_commit(self.repo, found.candidate, entries, "With the tests of another proposal")
            checks = self._check(request, commit, request.change.commands) if entries else ()
            if checks is None:
                return TryDeferred(reason="it was interrupted")
            failing += any(not check.green and not check.setup for check in checks)
        return TryResult(green=True, failing_others=failing)

    def _added_files(
        self, other: OtherChange, select: Callable[[Sequence[FileChange]], Sequence[str]]
    ) -> list[TreeEntry]:
        """The files that another step added, as entries of a tree."""
        files, tree = changed_files(self.repo, other.base, other.commit), CommitTree.read(self.repo, other.commit)
        return [(*tree.paths[path], path) for path in select(files)]

    # ---- the proof of a finding

    def _prove(self, request: TryRequest) -> TryResult | TryDeferred:
        """Run the command twice: only one that fails both times, in the same way, says that the finding is true."""
        entries = [entry for other in request.others for entry in self._added_files(other, _added)]
        commit = overlaid_commit(self.repo, request.change.commit, entries, "With the files of who found something")
        first = self._check(request, commit, (request.command,))
        second = self._check(request, commit, (request.command,)) if first is not None else None
        if first is None or second is None:
            return TryDeferred(reason="it was interrupted")
        return judge_proof(request.command, first, second)

    def _check(self, request: TryRequest, commit: str, commands: tuple[str, ...]) -> tuple[Check, ...] | None:
        run = gate_run(request.change, commit, commands, self.gate)
        return self.verifier.check(self.repo, run, self.is_cancelled)


def _added(files: Sequence[FileChange]) -> list[str]:
    return [file.path for file in files if file.status == "A"]


def judge_proof(command: str, first: Sequence[Check], second: Sequence[Check]) -> TryResult:
    """What two runs of a command say about the finding that it is to prove."""
    one, two = (next((c for c in checks if c.command == command and not c.setup), None) for checks in (first, second))
    if one is None or two is None:
        return TryResult(proof=ProofOutcome.UNPROVEN, unknown="its folder could not be set up")
    tail = shorten_start(one.tail, _TAIL)
    if one.exit != two.exit or one.timed_out != two.timed_out:
        return TryResult(proof=ProofOutcome.FLAKY, tail=tail)
    proven = one.exit not in _NO_FAILURE and not one.timed_out and not one.reached
    return TryResult(proof=ProofOutcome.PROVEN if proven else ProofOutcome.UNPROVEN, tail=tail)


def unverified(found: VerificationResult) -> TryResult | TryDeferred:
    """What is known of a change that is not green, or is not known yet."""
    match found:
        case MergeConflict(summary=summary):
            return TryResult(merges=False, tail=summary)
        case OutdatedBase(reason=reason):
            return TryResult(merges=False, tail=reason)
        case VerificationFailed(reason=reason):
            return TryResult(tail=shorten_start(reason, _TAIL))
        case FailedWithoutChange(checks=checks):
            red = next((check for check in reversed(checks) if not check.green), None)
            what = f"`{red.command}` is red without this change, too" if red else "its checks are red without it, too"
            return TryResult(unknown=what, tail=shorten_start(red.tail, _TAIL) if red else "")
        case AwaitingTarget(reason=reason) | AwaitingStack(reason=reason):
            return TryDeferred(reason=reason)
        case TipMoved() | Interrupted() | Verified():
            return TryDeferred(reason="it was interrupted")
