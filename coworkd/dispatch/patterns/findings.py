"""What is said to be wrong with a change: how it is proven, what blocks, and what goes back to the author."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from coworkd.core.model import Mode, RiskLevel
from coworkd.core.pattern_verdicts import Fate, JudgedFinding
from coworkd.core.reply_blocks import ReviewFinding, Severity
from coworkd.core.tries import ProofOutcome, TryKind, TryResult, TryStep
from coworkd.dispatch.patterns.changes import Change, is_risky
from coworkd.dispatch.patterns.replay import Flow, attempt_all
from coworkd.dispatch.patterns.steps import PatternSpec

MAX_PROOFS = 12
"""Of one step: what it claims beyond that stays unproven."""


def words_of(finding: ReviewFinding) -> str:
    """What makes two findings the same: the path and the claim, without case, white space and line numbers."""
    return f"{finding.where.partition(':')[0]}: {' '.join(finding.claim.casefold().split())}"


def may_block(finding: ReviewFinding) -> bool:
    """Whether a finding can hold a change at all. The severity is an opinion, so only `minor` is taken at its word."""
    return finding.severity is not Severity.MINOR


def blocks(judged: JudgedFinding, risk: RiskLevel) -> bool:
    """Whether a finding holds the change: by proof, by an arbiter, or at high risk until it is dismissed."""
    standing = (Fate.PROVEN, Fate.UPHELD, Fate.UNPROVEN) if is_risky(risk) else (Fate.PROVEN, Fate.UPHELD)
    return may_block(judged.finding) and judged.fate in standing


def blocking(found: Iterable[JudgedFinding], risk: RiskLevel) -> tuple[JudgedFinding, ...]:
    """Those that hold the change."""
    return tuple(one for one in found if blocks(one, risk))


def proven(found: Iterable[JudgedFinding]) -> tuple[JudgedFinding, ...]:
    """Those whose command fails on the change."""
    return tuple(one for one in found if one.fate is Fate.PROVEN)


def to_send_back(found: Iterable[JudgedFinding], told: frozenset[str]) -> tuple[JudgedFinding, ...]:
    """What the author is told, the proven first: opinions never twice in the same words, those dismissed not at all."""
    kept = {words_of(one.finding): one for one in found if one.fate is Fate.PROVEN or _is_new_opinion(one, told)}
    return tuple(sorted(kept.values(), key=lambda one: one.fate is not Fate.PROVEN))


def _is_new_opinion(judged: JudgedFinding, told: frozenset[str]) -> bool:
    return judged.fate in (Fate.UPHELD, Fate.UNPROVEN) and words_of(judged.finding) not in told


def prove(
    spec: PatternSpec, change: Change, key: str, by: str, found: Sequence[ReviewFinding]
) -> Flow[tuple[JudgedFinding, ...]]:
    """Try the proofs of what a step has found; each finding comes back with its fate."""
    distinct = tuple({words_of(one): one for one in reversed(found)}.values())[::-1]
    provable = [one for one in distinct if one.proof.strip() and may_block(one)]
    tried = provable[:MAX_PROOFS] if spec.mode is Mode.BUILD else []
    steps = [_proof(f"{key}.{number}", change, by, one) for number, one in enumerate(tried, 1)]
    results = yield from attempt_all(steps)
    fates = {words_of(one): _fate(result) for one, result in zip(tried, results, strict=True)}
    return tuple(JudgedFinding(finding=one, by=by, fate=fates.get(words_of(one), Fate.UNPROVEN)) for one in distinct)


def prove_again(change: Change) -> Flow[tuple[JudgedFinding, ...]]:
    """Those of the findings that were proven on the tree before which are proven on this one as well."""
    steps = [
        _proof(f"again.{change.number}.{number}", change, one.by, one.finding)
        for number, one in enumerate(change.proven, 1)
    ]
    results = yield from attempt_all(steps)
    return tuple(one for one, result in zip(change.proven, results, strict=True) if _fate(result) is Fate.PROVEN)


def _proof(key: str, change: Change, by: str, finding: ReviewFinding) -> TryStep:
    return TryStep(key=key, of=change.step, kind=TryKind.PROOF, others=(by,), command=finding.proof)


def _fate(result: TryResult) -> Fate:
    is_proven = result.proof is ProofOutcome.PROVEN and not result.unknown
    return Fate.PROVEN if is_proven else Fate.UNPROVEN
