"""What a pattern costs, before its first run: each seat by the median of its last runs. Pure.

Retries, fallbacks, replies that are asked for again, conflicts and red rounds are not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from coworkd.core.model import Budget
from coworkd.core.text_formats import format_usd
from coworkd.dispatch.patterns.run_counts import SeatRuns, seat_runs
from coworkd.dispatch.patterns.steps import PatternSpec
from coworkd.store.usage import PastUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class MedianCost:
    """What one run of a seat used, by the median of its last runs; None: it is not known."""

    tokens: int | None = None
    usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatEstimate:
    """One seat, and what a run of it costs."""

    runs: SeatRuns
    cost: MedianCost | None
    """None: nothing is known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalEstimate:
    """Runs and their cost together; None where that of one of them is not known."""

    runs: int
    tokens: int | None
    usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The least and the most that an attempt takes."""

    least: TotalEstimate
    most: TotalEstimate
    seats: tuple[SeatEstimate, ...]


def estimate(spec: PatternSpec, usages_of: Callable[[str], Sequence[PastUsage]]) -> Estimate:
    """`usages_of`: what the last runs of an agent used."""
    seats = tuple(SeatEstimate(runs=runs, cost=median_cost(usages_of(runs.seat.agent))) for runs in seat_runs(spec))
    return Estimate(
        least=_total([(seat.runs.least, seat.cost) for seat in seats]),
        most=_total([(seat.runs.most, seat.cost) for seat in seats]), seats=seats,
    )  # fmt: skip


def median_cost(usages: Sequence[PastUsage]) -> MedianCost | None:
    """The medians of what is known; None: nothing is."""
    tokens = [usage.tokens for usage in usages if usage.tokens]
    dollars = [usage.usd for usage in usages if usage.usd is not None]
    if not tokens and not dollars:
        return None
    usd = round(median(dollars), 6) if dollars else None
    return MedianCost(tokens=round(median(tokens)) if tokens else None, usd=usd)


def _total(parts: Sequence[tuple[int, MedianCost | None]]) -> TotalEstimate:
    needed = [(runs, cost or MedianCost()) for runs, cost in parts if runs]
    tokens = [None if cost.tokens is None else runs * cost.tokens for runs, cost in needed]
    dollars = [None if cost.usd is None else runs * cost.usd for runs, cost in needed]
    known_tokens = [one for one in tokens if one is not None]
    known_dollars = [one for one in dollars if one is not None]
    return TotalEstimate(
        runs=sum(runs for runs, _ in parts),
        tokens=sum(known_tokens) if len(known_tokens) == len(tokens) else None,
        usd=sum(known_dollars) if len(known_dollars) == len(dollars) else None,
    )


def over_budget_reason(found: Estimate, left: Budget) -> str:
    """Why not even the least fits into what is left of a task's budget, with both numbers; empty: it fits."""
    least = found.least
    if left.usd is not None and least.usd is not None and least.usd > left.usd:
        needed, rest = format_usd(least.usd), format_usd(max(left.usd, 0.0))
        return f"its pattern takes at least {needed}, and {rest} of its budget is left; raise `budget: {{usd}}`"
    if left.tokens is not None and least.tokens is not None and least.tokens > left.tokens:
        rest = max(left.tokens, 0)
        return (
            f"its pattern takes at least {least.tokens:,} tokens, and {rest:,} of its budget are left; raise"
            " `budget: {tokens}`"
        )
    return ""
