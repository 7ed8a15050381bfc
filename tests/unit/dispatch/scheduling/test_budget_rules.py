"""What may be used: a table of budgets, and that no order of starts and reports passes a cap."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.model import Budget, Usage
from coworkd.dispatch.scheduling.budget_rules import (
    BudgetExhausted,
    BudgetPeriod,
    BudgetState,
    Reservation,
    SharedBudget,
    TaskBudget,
    exceeded_reason,
    extra_dollars,
    invalid_usage_reason,
    reserve,
    tightest,
)

NOTHING = Budget(usd=0.0, tokens=0, minutes=0.0)


def budget(limit: Budget | None = None, **changes: object) -> BudgetState:
    return replace(BudgetState(limit=limit or Budget(), used=NOTHING), **changes)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (budget(), Budget()),
        (budget(Budget(usd=2.0)), Budget(usd=2.0)),
        (budget(Budget(usd=2.0, tokens=100, minutes=5.0), used=Budget(usd=0.5, tokens=40, minutes=2.0)),
         Budget(usd=1.5, tokens=60, minutes=3.0)),
        (budget(shared_limit=20.0), Budget(usd=20.0)),
        (budget(shared_limit=20.0, starting_runs=4), Budget(usd=5.0)),
        (budget(shared_limit=20.0, shared_used=8.0, reserved=4.0, starting_runs=2), Budget(usd=4.0)),
        (budget(Budget(usd=1.0), shared_limit=20.0, starting_runs=4), Budget(usd=1.0)),
        (budget(shared_limit=20.0, shared_used=8.0, starting_runs=4, last_unused=3.0), Budget(usd=12.0)),
        (budget(Budget(usd=1.0, tokens=9), paid_by_use=False, used=Budget(usd=7.0, tokens=3, minutes=0)), Budget(tokens=6)),
        (budget(price_unknown=True), Budget()),
        (budget(Budget(tokens=9), price_unknown=True), Budget(tokens=9)),
    ],
)  # fmt: skip
def test_what_is_left_is_reserved(given: BudgetState, left: Budget) -> None:
    assert reserve(given) == Reservation(left=left)


def test_the_budget_that_leaves_less_is_the_one_that_counts() -> None:
    day = SharedBudget(limit=20.0, used=3.0, reserved=2.0)
    night = SharedBudget(period=BudgetPeriod.NIGHT, limit=5.0, used=1.0, reserved=2.0)
    assert tightest([]) == SharedBudget()
    assert tightest([day]) is day
    assert tightest([day, night]) is night
    assert tightest([replace(day, used=17.5), night]).period is BudgetPeriod.DAY


@pytest.mark.parametrize(
    ("given", "words", "until"),
    [
        (budget(Budget(tokens=100), used=replace(NOTHING, tokens=100)), "100 of 100 tokens; raise `budget: {tokens}`", None),
        (budget(Budget(minutes=5.0), used=replace(NOTHING, minutes=5.0)), "5 of 5 minutes", None),
        (budget(Budget(usd=2.0), used=replace(NOTHING, usd=2.5)), "$2.50 of $2.00", None),
        (budget(Budget(usd=0.0)), "$0.00 of $0.00", None),
        (budget(shared_limit=5.0, shared_used=5.0, freed_at=9.0, period=BudgetPeriod.NIGHT), "$5.00 of $5.00 in this night; raise `night: {usd}`", 9.0),
        (budget(shared_limit=5.0, shared_used=4.0, reserved=1.0, period=BudgetPeriod.NIGHT), "the rest of the night's $5.00 is reserved", None),
        (budget(shared_limit=5.0, shared_used=5.0, freed_at=77.0), "$5.00 of $5.00 in 24 hours; raise", 77.0),
        (budget(shared_limit=5.0, shared_used=1.0, reserved=4.0), "is reserved by runs at work", None),
        (budget(Budget(usd=1.0), price_unknown=True), "not known", None),
        (budget(shared_limit=1.0, price_unknown=True), "not known", None),
        (budget(Budget(usd=2.0), last_unused=2.0), "$2.00 was not enough; no more is left: raise `budget: {usd}`", None),
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_reserved_and_the_reason_says_what_to_do(
    given: BudgetState, words: str, until: float | None
) -> None:
    found = reserve(given)
    assert isinstance(found, BudgetExhausted)
    assert words in found.reason
    assert found.until == until


MONEY = st.floats(0, 100, allow_nan=False)


@given(cap=MONEY, steps=st.lists(st.tuples(st.booleans(), st.integers(0, 10), st.integers(1, 60)), max_size=30))
def test_no_order_of_starts_and_ends_passes_the_day(cap: float, steps: list[tuple[bool, int, int]]) -> None:
    """Whoever keeps to what was reserved for it keeps everybody within the cap."""
    used, live = 0.0, list[float]()
    for start, tenths, share in steps:
        if start:
            found = reserve(budget(shared_limit=cap, shared_used=used, reserved=sum(live), starting_runs=share))
            live += [found.left.usd] if isinstance(found, Reservation) and found.left.usd is not None else []
        elif live:
            used += live.pop(0) * tenths / 10
        assert used + sum(live) <= cap + 1e-9


@pytest.mark.parametrize(
    "usage",
    [
        Usage(), Usage(input_tokens=-1, output_tokens=3), Usage(output_tokens=-3), Usage(cached_tokens=-3),
        Usage(input_tokens=3, cost_usd=-0.1), Usage(input_tokens=3, cost_usd=math.nan),
        Usage(input_tokens=3, cost_usd=math.inf), Usage(cost_usd=0.0),
    ],
)  # fmt: skip
def test_usage_that_cannot_be_is_a_fault(usage: Usage) -> None:
    assert invalid_usage_reason(usage)


@pytest.mark.parametrize("usage", [Usage(input_tokens=3), Usage(output_tokens=1, cost_usd=0.0), Usage(cost_usd=0.2)])
def test_usage_that_can_be_is_none(usage: Usage) -> None:
    assert not invalid_usage_reason(usage)


@pytest.mark.parametrize(
    ("limit", "used", "reserved", "own", "words"),
    [
        (Budget(tokens=10), Budget(tokens=9), None, None, ""),
        (Budget(tokens=10), Budget(tokens=10), None, None, "10 of 10 tokens"),
        (Budget(tokens=10), Budget(tokens=15), None, None, "15 of 10 tokens, 5 over"),
        (Budget(usd=1.0), Budget(usd=0.99), 1.0, 0.99, ""),
        (Budget(usd=1.0), Budget(usd=1.0), 1.0, 1.0, "$1.00 of $1.00"),
        (Budget(usd=1.0), Budget(usd=1.25), None, 1.25, "$0.25 over because its agent tells only after each turn"),
        (Budget(), Budget(usd=3.0), 2.0, 3.0, "$3.00 of the $2.00 that were left for it"),
        (Budget(), Budget(usd=3.0), None, 3.0, ""),
    ],
)
def test_the_end_of_a_budget_is_seen_with_what_went_over(
    limit: Budget, used: Budget, reserved: float | None, own: float | None, words: str
) -> None:
    found = exceeded_reason(limit, used, reserved, own)
    assert words in found
    assert bool(found) is bool(words)


@pytest.mark.parametrize(
    ("task", "day", "dollars"),
    [
        (TaskBudget(limit=Budget(), used=NOTHING), SharedBudget(limit=1.0, used=0.2, reserved=0.4), 0.1),
        (TaskBudget(limit=Budget(), used=NOTHING), SharedBudget(limit=1.0, used=0.97), 0.03),
        (TaskBudget(limit=Budget(), used=NOTHING), SharedBudget(limit=1.0, used=0.6, reserved=0.4), 0.0),
        (TaskBudget(limit=Budget(usd=0.5), used=replace(NOTHING, usd=0.2), reserved=0.25), SharedBudget(), 0.05),
        (TaskBudget(limit=Budget(usd=0.5), used=replace(NOTHING, usd=0.6)), SharedBudget(limit=9.0), 0.0),
        (TaskBudget(limit=Budget(), used=NOTHING), SharedBudget(), 0.0),
    ],
)
def test_a_run_may_have_more_of_what_no_other_run_has_reserved(
    task: TaskBudget, day: SharedBudget, dollars: float
) -> None:
    assert extra_dollars(task, day, 4) == pytest.approx(dollars)
