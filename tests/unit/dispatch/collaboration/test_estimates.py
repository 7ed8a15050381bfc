"""What a pattern takes, by the medians of its seats."""

from __future__ import annotations

import pytest

from coworkd.core.model import Budget, Mode, PatternName, PatternRequest
from coworkd.dispatch.collaboration.estimates import MedianCost, estimate, median_cost, over_budget_reason
from coworkd.dispatch.patterns.steps import PatternSpec, Seat
from coworkd.store.usage import PastUsage

SPEC = PatternSpec(
    task="a", attempt=1, mode=Mode.BUILD, author=Seat(agent="main", family="x"),
    request=PatternRequest(name=PatternName.TEAM),
)  # fmt: skip
KNOWN = [PastUsage(tokens=100, usd=0.1), PastUsage(tokens=300, usd=0.3), PastUsage(tokens=200, usd=None)]


def test_each_seat_counts_by_the_median_of_its_runs() -> None:
    found = estimate(SPEC, lambda _: KNOWN)
    assert (found.least.runs, found.least.tokens, found.least.usd) == (3, 600, pytest.approx(0.6))
    assert (found.most.runs, found.most.tokens, found.most.usd) == (5, 1000, pytest.approx(1.0))


def test_one_seat_that_is_not_known_makes_the_sum_unknown() -> None:
    found = estimate(SPEC, lambda _: ())
    assert (found.least.runs, found.least.tokens, found.least.usd) == (3, None, None)
    assert {seat.cost for seat in found.seats} == {None}
    assert over_budget_reason(found, Budget(usd=0.01)) == ""


@pytest.mark.parametrize(
    ("usages", "cost"),
    [
        ([], None),
        ([PastUsage(tokens=0, usd=None)], None),
        ([PastUsage(tokens=10, usd=None)], MedianCost(tokens=10)),
        (KNOWN, MedianCost(tokens=200, usd=0.2)),
    ],
)
def test_a_median_is_of_what_is_known(usages: list[PastUsage], cost: MedianCost | None) -> None:
    assert median_cost(usages) == cost


@pytest.mark.parametrize(
    ("left", "said"),
    [(Budget(), ""), (Budget(usd=1.0), ""), (Budget(usd=0.5), "$0.50"), (Budget(tokens=599), "599"), (Budget(tokens=600), "")],
)  # fmt: skip
def test_the_least_has_to_fit_the_budget(left: Budget, said: str) -> None:
    reason = over_budget_reason(estimate(SPEC, lambda _: KNOWN), left)
    assert bool(reason) == bool(said)
    assert said in reason
