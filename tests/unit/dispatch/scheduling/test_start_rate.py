"""How many runs may start within a second."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coworkd.dispatch.scheduling.ready_queue import StartAllowance
from coworkd.dispatch.scheduling.start_rate import MAX_STARTS, WINDOW, StartRate

NOW = 1000.0


def test_starts_are_given_back_after_a_second() -> None:
    rate = StartRate()
    assert rate.allowance(NOW).most == MAX_STARTS
    rate.note(MAX_STARTS - 1, NOW)
    rate.note(1, NOW + 0.4)
    assert rate.allowance(NOW + 0.5) == StartAllowance(most=0, until=NOW + WINDOW)
    assert rate.allowance(NOW + WINDOW).most == MAX_STARTS - 1
    assert rate.allowance(NOW + 0.4 + WINDOW).most == MAX_STARTS


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    rate = StartRate()
    rate.note(MAX_STARTS, NOW)
    assert rate.allowance(NOW - 500).most == MAX_STARTS


@given(st.lists(st.tuples(st.floats(0, 0.7), st.integers(0, 3 * MAX_STARTS)), max_size=20))
def test_no_second_has_more_starts_than_allowed(asked: list[tuple[float, int]]) -> None:
    rate, now, starts = StartRate(), NOW, list[float]()
    for pause, count in asked:
        now += pause
        given_ = int(min(count, rate.allowance(now).most))
        rate.note(given_, now)
        starts += [now] * given_
    assert all(sum(at - WINDOW < other <= at for other in starts) <= MAX_STARTS for at in starts)
