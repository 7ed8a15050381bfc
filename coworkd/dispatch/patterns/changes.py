"""The work that is judged, from its first version to its last correction. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.core.model import Mode, RiskLevel
from coworkd.core.pattern_verdicts import JudgedFinding
from coworkd.core.policy.tool_risk import ORDER
from coworkd.core.reply_blocks import ReviewFinding
from coworkd.dispatch.patterns.steps import PatternSpec, RunOutcome, RunResult, StepTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an author has made so far."""

    step: str
    """The step that made it."""
    reply: str
    """The author's last step; it may have left the change as it was, and say why."""
    number: int
    """1 for the first version, one more for each correction."""
    tree: str
    """Of the change; of an answer, its text."""
    risk: RiskLevel
    last: bool
    """No correction is left."""
    told: frozenset[str] = frozenset()
    """The findings that went back to the author, by `findings.words_of`."""
    sent: tuple[ReviewFinding, ...] = ()
    """Those of the last time."""
    proven: tuple[JudgedFinding, ...] = ()
    """Those of them that were proven on the tree before."""


def first_tree(spec: PatternSpec) -> StepTree:
    """What the author of the first version works with."""
    if spec.mode is Mode.ANSWER:
        return StepTree.READ
    return StepTree.CONTINUE if spec.continued else StepTree.OWN


def next_tree(spec: PatternSpec) -> StepTree:
    """What the author of a later version works with."""
    return StepTree.READ if spec.mode is Mode.ANSWER else StepTree.CONTINUE


def tree_owner(spec: PatternSpec, step: str) -> str:
    """The step whose tree is read or continued, for the work of this step: an answer has none."""
    return "" if spec.mode is Mode.ANSWER else step


def changes_nothing(spec: PatternSpec, result: RunResult) -> bool:
    """Whether there is no change to submit: one that an attempt goes on with is still there when it is left alone."""
    return spec.mode is Mode.BUILD and not spec.continued and result.outcome is RunOutcome.UNCHANGED


def tree_of(result: RunResult) -> str:
    """What tells two versions apart: the tree of a change, the text of an answer."""
    return result.tree or " ".join(result.text.split())


def highest_risk(levels: Sequence[RiskLevel]) -> RiskLevel:
    """The highest of these: risk is only raised."""
    return max(levels, key=ORDER.index)


def is_risky(risk: RiskLevel) -> bool:
    """Whether opinions without proof block, and a person decides a tie."""
    return risk in (RiskLevel.HIGH, RiskLevel.CRITICAL)
