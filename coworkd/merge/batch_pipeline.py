"""One verification of several submissions: a chain of merges, whose last tree is checked for all of them.

What cannot be in a chain, or proves nothing there, is left to a verification of its own: a merge that conflicts, a
change that alters what its own checks execute, what is red without any change. That verification finds who is to blame
(`candidate_pipeline`); here no author is blamed.

Blocking; called from job threads only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coworkd.core.model import Check
from coworkd.merge.batch_rules import PrefixSearch
from coworkd.merge.blame import CheckFailure, failure_of, failure_on_tip, outcome_text
from coworkd.merge.candidate_pipeline import pin_candidate, submission_of
from coworkd.merge.git.candidates import find_merge_sources, merge_submission
from coworkd.merge.git.loss_check import lacks_lines, prove_merge
from coworkd.merge.git.tree_merge import Conflicted
from coworkd.merge.job_values import Interrupted, Verified, VerifyRequest
from coworkd.merge.tip_version import tip_version
from coworkd.merge.verification import TREE_CHECK
from coworkd.merge.verifier import GateRun, Verifier, batch_output, gate_run
from coworkd.store import BatchPlace, SubmissionKey
from coworkd.system.git import Repo

_Checks = tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """A submission that has to be verified alone, and why."""

    key: SubmissionKey
    reason: str
    command: str = ""
    """What was red with it and green without it; empty: nothing was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What a verification of several submissions has found."""

    green: tuple[tuple[SubmissionKey, Verified], ...] = ()
    """Those that land together, in this order."""
    alone: tuple[Alone, ...] = ()
    red: bool = False
    """The whole was red."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """A submission merged with those before it."""

    request: VerifyRequest
    commit: str
    tree: str
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPipeline:
    """Verifies several submissions in one repository, in the order of the requests."""

    repo: Repo
    requests: tuple[VerifyRequest, ...]
    verifier: Verifier
    gate: str
    is_cancelled: Callable[[], bool]
    """Whether the verification is to end early."""

    def run(self, tip: str) -> BatchResult | Interrupted:
        """Verify them as merged with this commit of the integration branch, one after another."""
        chain, alone = self._build_chain(tip)
        if len(chain) < 2:
            return BatchResult(alone=tuple(alone))
        pin_candidate(self.repo, chain[-1].commit)
        checks = self._check(chain)
        if checks is None:
            return Interrupted()
        red = _first_red(checks)
        if red is None and not _is_unproven(checks):
            return self._result(tip, chain, checks, alone)
        reason = self._reason_without_search(tip, red)
        if reason is None:
            return Interrupted()
        if red is None or reason:
            left = [Alone(key=_key(link.request), reason=reason) for link in chain]
            return BatchResult(alone=(*alone, *left), red=True)
        return self._search(tip, chain, red, alone)

    def probe(self, tip: str, length: int) -> None:
        """Verify the first so many of those that merge, for the search of a batch that turns out to be red."""
        chain, _ = self._build_chain(tip)
        if 0 < length < len(chain):
            pin_candidate(self.repo, chain[length - 1].commit)
            self.verifier.probe(self.repo, self._run_of(chain[:length]), self.is_cancelled)

    # ---- merge

    def _build_chain(self, tip: str) -> tuple[list[_Link], list[Alone]]:
        """The submissions that merge one after another, and those that do not."""
        chain: list[_Link] = []
        alone: list[Alone] = []
        for request in self.requests:
            link = self._merge(chain[-1].commit if chain else tip, request)
            if isinstance(link, str):
                alone.append(Alone(key=_key(request), reason=link))
            else:
                chain.append(link)
        return chain, alone

    def _merge(self, onto: str, request: VerifyRequest) -> _Link | str:
        """The merge with those before it, or why it is verified alone."""
        repo = self.repo
        merge_sources = find_merge_sources(
            repo, tip=onto, target=request.target, base=request.base, commit=request.commit
        )
        if merge_sources.awaited or merge_sources.dropped:
            return f"{request.target} has moved since it was made"
        merged = merge_submission(repo, onto, submission_of(request), merge_sources)
        if isinstance(merged, Conflicted):
            return f"it conflicts in {', '.join(merged.paths)} with what lands before it"
        proof = prove_merge(repo, onto, request.commit, request.base, merged.commit)
        if not proof.ok:
            return f"the merge with what lands before it would lose something: {proof.detail}"
        if lacks_lines(proof.detail):
            return f"lines are missing in the merge with what lands before it: {proof.detail}"
        own = frozenset(request.commands) - frozenset(request.workspace)
        if tip_version(repo, onto, merged.commit, request.commands, own) is not None:
            return "it changes what its own checks execute"
        return _Link(request=request, commit=merged.commit, tree=merged.tree, proof=proof.detail)

    # ---- check

    def _run_of(self, chain: Sequence[_Link]) -> GateRun:
        """The workspace's commands, then each submission's own, on the last commit of a chain."""
        request = chain[0].request
        own = (command for link in chain for command in link.request.commands)
        commands = tuple(dict.fromkeys((*request.workspace, *own)))
        run = gate_run(request, chain[-1].commit, commands, self.gate)
        return dataclasses.replace(run, output=batch_output(self.gate))

    def _check(self, chain: Sequence[_Link], *, prefix: bool = False) -> _Checks | None:
        """The checks of a chain, of a `prefix` also as a probe has found them; None: it was cancelled."""
        run = self._run_of(chain)
        check = self.verifier.check_prefix if prefix else self.verifier.check_candidate
        checks = check(self.repo, run, self.is_cancelled)
        if checks is not None and _first_red(checks) is None:
            for link in chain:
                self.verifier.select_output(run.output, link.request.task, _numbers(checks, link.request))
        return checks

    def _reason_without_search(self, tip: str, red: Check | None) -> str | None:
        """Why the order of the submissions says nothing about what is red; empty: it does. None: it was cancelled."""
        if red is None:
            return "the commands lead into a checkout"
        failure = failure_of(red, disk_full=self.verifier.disk_full())
        if failure not in (CheckFailure.EXIT, CheckFailure.TIMEOUT):
            return f"`{red.command}` could not do its work ({outcome_text(red)})"
        request = self.requests[0]
        if red.command not in (*request.workspace, TREE_CHECK):
            return ""
        run = gate_run(request, tip, request.workspace, self.gate)
        on_tip = self.verifier.check_tip(self.repo, run, self.is_cancelled)
        if on_tip is None:
            return None
        return f"`{red.command}` is red without any change, too" if failure_on_tip(red, on_tip.checks) else ""

    def _search(self, tip: str, chain: list[_Link], red: Check, alone: list[Alone]) -> BatchResult | Interrupted:
        """Find the first submission with which the chain is red; what is before it is green."""
        search, green_checks = PrefixSearch(red=len(chain)), _Checks()
        while search.suspect is None:
            prefix = search.next_prefix()
            checks = self._check(chain[:prefix], prefix=True)
            if checks is None:
                return Interrupted()
            found = _first_red(checks)
            search = search.after(prefix, green=found is None)
            red, green_checks = found or red, green_checks if found else checks
        if search.green:
            pin_candidate(self.repo, chain[search.green - 1].commit)
        suspect = chain[search.suspect].request
        reason = f"`{red.command}` is red with it and green without it ({outcome_text(red)})"
        suspected = Alone(key=_key(suspect), reason=reason, command=red.command)
        result = self._result(tip, chain[: search.green], green_checks, [*alone, suspected])
        return dataclasses.replace(result, red=True)

    def _result(self, tip: str, chain: Sequence[_Link], checks: _Checks, alone: Sequence[Alone]) -> BatchResult:
        green = tuple((_key(link.request), _verified(tip, chain, place, checks)) for place, link in enumerate(chain, 1))
        return BatchResult(green=green, alone=tuple(alone))


def _verified(tip: str, chain: Sequence[_Link], place: int, checks: _Checks) -> Verified:
    """What is known of one submission of a green chain; its proof names the commit that was verified."""
    link, last = chain[place - 1], chain[-1].commit
    batch = BatchPlace(commit=last, place=place, size=len(chain)) if len(chain) > 1 else None
    proof = f"{link.proof}; verified together with {len(chain) - 1} others, as {last[:12]}" if batch else link.proof
    return Verified(
        tip=tip, candidate=link.commit, tree=link.tree, proof=proof, batch=batch,
        checks=tuple(checks[number - 1] for number in _numbers(checks, link.request)),
    )  # fmt: skip


def _numbers(checks: _Checks, request: VerifyRequest) -> list[int]:
    """Which of the checks are those of one submission, counted from 1."""
    return [number for number, check in enumerate(checks, 1) if check.command in request.commands]


def _first_red(checks: Sequence[Check]) -> Check | None:
    return next((check for check in checks if not check.green and not check.reached), None)


def _is_unproven(checks: Sequence[Check]) -> bool:
    return any(check.reached or check.hidden for check in checks)


def _key(request: VerifyRequest) -> SubmissionKey:
    return SubmissionKey(request.task, request.number)
