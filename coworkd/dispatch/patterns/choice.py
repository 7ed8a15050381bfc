"""Which of several changes is taken: five rules, each only among what the one before has left. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from coworkd.core.model import RiskLevel
from coworkd.core.tries import TryResult
from coworkd.dispatch.patterns.changes import highest_risk
from coworkd.dispatch.patterns.trials import red_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change that was made apart from the others, and what its try has found."""

    step: str
    tree: str
    tried: TryResult
    risk: RiskLevel = RiskLevel.LOW
    """As computed from the change, the higher one of its run's and its try's."""


Rule = Callable[[Sequence[Proposal]], tuple[Proposal, ...]]


def green(proposals: Sequence[Proposal]) -> tuple[Proposal, ...]:
    """Rule 1: those that merge with the tip and are green there."""
    return tuple(one for one in proposals if not one.tried.unknown and not red_words(one.tried))


def distinct(proposals: Sequence[Proposal]) -> tuple[Proposal, ...]:
    """One of those that are the same change, the first by key; there is nothing to choose between them."""
    firsts: dict[str, Proposal] = {}
    for one in sorted(proposals, key=lambda one: one.step):
        firsts.setdefault(one.tree or one.step, one)
    return tuple(firsts.values())


def with_tests_intact(proposals: Sequence[Proposal]) -> tuple[Proposal, ...]:
    """Rule 2: those that did not delete, skip or loosen tests or their configuration, unless all did."""
    return tuple(one for one in proposals if not one.tried.weakened) or tuple(proposals)


def failing_fewest(proposals: Sequence[Proposal], others: Mapping[str, TryResult]) -> tuple[Proposal, ...]:
    """Rule 3: those that fail the fewest of the tests which the others added.

    `others` has the results by step. Where one of them is unknown, the rule says nothing.
    """
    if any(others[one.step].unknown for one in proposals):
        return tuple(proposals)
    fewest = min(others[one.step].failing_others for one in proposals)
    return tuple(one for one in proposals if others[one.step].failing_others == fewest)


def smallest(proposals: Sequence[Proposal]) -> Proposal:
    """Rule 5: the one with fewer lines, then the first by key."""
    return min(proposals, key=lambda one: (one.tried.lines, one.step))


def choice_risk(asked: RiskLevel, proposals: Sequence[Proposal]) -> RiskLevel:
    """The risk of taking one of these: the highest that any of them has."""
    return highest_risk((asked, *(one.risk for one in proposals)))


def narrowed(proposals: Sequence[Proposal], rules: Mapping[str, Rule]) -> tuple[tuple[Proposal, ...], tuple[str, ...]]:
    """What rules leave, one after another, and a line for each; a rule that finds one left is not applied."""
    left = tuple(proposals)
    lines: list[str] = []
    for name, rule in rules.items():
        if len(left) > 1:
            kept = rule(left)
            lines.append(f"{name}: {len(kept)} of {len(left)} left ({', '.join(one.step for one in kept)})")
            left = kept
    return left, tuple(lines)


def red_reasons(proposals: Sequence[Proposal]) -> str:
    """Why none of these is green, with the ends of their outputs."""
    return "\n".join(f"{one.step}: {red_words(one.tried)}" for one in proposals)
