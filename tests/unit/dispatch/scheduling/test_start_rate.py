"""How many runs may start within a second."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coworkd.dispatch.scheduling.plan_inputs import StartAllowance
from coworkd.dispatch.scheduling.start_rate import MAX_STARTS, WINDOW, StartRate

NOW = 1000.0


def test_starts_are_given_back_after_a_second() -> None:
    rate = StartRate()
    assert rate.allowance(NOW).max_starts == MAX_STARTS
    rate.record(MAX_STARTS - 1, NOW)
    rate.record(1, NOW + 0.4)
    assert rate.allowance(NOW + 0.5) == StartAllowance(max_starts=0, until=NOW + WINDOW)
    assert rate.allowance(NOW + WINDOW).max_starts == MAX_STARTS - 1
    assert rate.allowance(NOW + 0.4 + WINDOW).max_starts == MAX_STARTS


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    rate = StartRate()
    rate.record(MAX_STARTS, NOW)
    assert rate.allowance(NOW - 500).max_starts == MAX_STARTS


@given(st.lists(st.tuples(st.floats(0, 0.7), st.integers(0, 3 * MAX_STARTS)), max_size=20))
def test_no_second_has_more_starts_than_allowed(asked: list[tuple[float, int]]) -> None:
    rate, now, starts = StartRate(), NOW, list[float]()
    for pause, count in asked:
        now += pause
        given_ = int(min(count, rate.allowance(now).max_starts))
        rate.record(given_, now)
        starts += [now] * given_
    assert all(sum(at - WINDOW < other <= at for other in starts) <= MAX_STARTS for at in starts)
