from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.agents.drivers.llm.prices import MIN_OUTPUT, Prices, ReplyUsage, RunBudget, estimate_tokens, reply_cost
from coworkd.core.model import Budget

PRICES = Prices(input=2e-6, output=10e-6, cached=0.5e-6, written=2.5e-6)
HIGH_TIER = Prices(input=4e-6, output=20e-6, cached=1e-6, written=5e-6)
TIERED = replace(PRICES, high_tier_above=1000, high_tier=HIGH_TIER)


def test_the_cost_of_a_reply() -> None:
    spent = ReplyUsage(input=1000, cached=600, written=100, output=50)
    assert reply_cost(PRICES, spent) == pytest.approx(300 * 2e-6 + 600 * 0.5e-6 + 100 * 2.5e-6 + 50 * 10e-6)
    assert reply_cost(None, spent) is None
    assert reply_cost(TIERED, spent) == reply_cost(PRICES, spent)
    assert reply_cost(TIERED, replace(spent, input=1001)) == pytest.approx(
        301 * 4e-6 + 600e-6 + 100 * 5e-6 + 50 * 20e-6
    )


def test_without_a_budget_everything_may_be_asked() -> None:
    assert RunBudget(Budget(), None).refusal_reason(10**9, 8192) == ""
    assert RunBudget(Budget(), None).allowed_output(10**9, 8192) == 8192


def test_an_unknown_price_with_a_cap_in_money_refuses() -> None:
    assert "price" in RunBudget(Budget(usd=100.0), None).refusal_reason(1, 8192)
    assert RunBudget(Budget(tokens=100_000), None).refusal_reason(1, 8192) == ""


def test_a_long_reply_is_cut_to_what_is_left_and_a_hopeless_question_refused() -> None:
    purse = RunBudget(Budget(tokens=5000), PRICES)
    assert purse.allowed_output(1000, 8192) == 4000
    purse.charge(ReplyUsage(input=1000, cached=0, written=0, output=3000), 0.0)
    assert purse.allowed_output(500, 8192) == 500
    assert "1000 tokens" in purse.refusal_reason(1000 - MIN_OUTPUT + 1, 8192)
    assert purse.refusal_reason(1000 - MIN_OUTPUT, 8192) == ""


spent_by = st.tuples(st.integers(0, 5000), st.integers(0, 8192))


@given(st.floats(0, 0.2), st.one_of(st.none(), st.integers(0, 50_000)), st.lists(spent_by, max_size=20))
def test_no_question_that_is_allowed_can_pass_the_budget(
    usd: float, tokens: int | None, questions: list[tuple[int, int]]
) -> None:
    """Whatever was reserved for is used to the last token, at the highest price."""
    purse = RunBudget(Budget(usd=usd, tokens=tokens), PRICES)
    paid, used = 0.0, 0
    for prompt, wanted in questions:
        if purse.refusal_reason(prompt, wanted):
            continue
        spent = ReplyUsage(input=prompt, cached=0, written=prompt, output=purse.allowed_output(prompt, wanted))
        price = reply_cost(PRICES, spent)
        assert price is not None
        purse.charge(spent, price)
        paid += price
        used += spent.input + spent.output
    assert paid <= usd + 1e-9
    assert tokens is None or used <= tokens


def test_an_estimate_counts_bytes() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("abc") == 2
    assert estimate_tokens("日本") == 3
