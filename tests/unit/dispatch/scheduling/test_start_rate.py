"""How many runs may start within a second."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coworkd.dispatch.scheduling.plan_inputs import StartAllowance
from coworkd.dispatch.scheduling.start_rate import FEWEST_AT_ONCE, MAX_STARTS, MOST_AT_ONCE, WINDOW, StartRate

NOW = 1000.0


def test_starts_are_given_back_after_a_second() -> None:
    rate = StartRate()
    rate.record(MAX_STARTS - 4, NOW)
    rate.record(4, NOW + 0.4)
    assert rate.allowance(NOW + 0.5, 100) == StartAllowance(max_starts=0, until=NOW + WINDOW)
    assert rate.allowance(NOW + WINDOW, 100).max_starts == MOST_AT_ONCE
    rate.record(MAX_STARTS - 14, NOW + WINDOW)
    assert rate.allowance(NOW + WINDOW, 100) == StartAllowance(max_starts=10, until=NOW + 0.4 + WINDOW)
    assert rate.allowance(NOW + 0.4 + WINDOW, 100) == StartAllowance(max_starts=14, until=NOW + 2 * WINDOW)


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    rate = StartRate()
    rate.record(MAX_STARTS, NOW)
    assert rate.allowance(NOW - 500, 100).max_starts == MOST_AT_ONCE


def test_few_start_in_the_first_turn_and_more_in_the_next_ones() -> None:
    rate, preparing, turns = StartRate(), 0, list[int]()
    while preparing < 60:
        allowance = rate.allowance(NOW, preparing)
        assert allowance.until == NOW, "the next turn follows at once"
        turns.append(int(allowance.max_starts))
        rate.record(turns[-1], NOW)
        preparing += turns[-1]
    assert turns == [FEWEST_AT_ONCE, FEWEST_AT_ONCE, 8, MOST_AT_ONCE, MOST_AT_ONCE, MOST_AT_ONCE]


@given(st.lists(st.tuples(st.floats(0, 0.7), st.integers(0, 3 * MAX_STARTS)), max_size=20))
def test_no_second_has_more_starts_than_allowed(asked: list[tuple[float, int]]) -> None:
    rate, now, starts = StartRate(), NOW, list[float]()
    for pause, count in asked:
        now += pause
        given_ = int(min(count, rate.allowance(now, 0).max_starts))
        rate.record(given_, now)
        starts += [now] * given_
    assert all(sum(at - WINDOW < other <= at for other in starts) <= MAX_STARTS for at in starts)
