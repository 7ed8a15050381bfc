"""When no person is there: the rule about the window, at given times and in given places."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.model import NightSettings
from coworkd.core.nights import (
    Night,
    NightTasks,
    NightWindow,
    clock_text,
    end_reason,
    next_moment,
    night_at,
    tokens_reason,
    window_at,
)

BERLIN = ZoneInfo("Europe/Berlin")
"""The clocks go from 02:00 to 03:00 on 2026-03-29, and from 03:00 back to 02:00 on 2026-10-25."""


def at(text: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()


def night(begin: str, end: str, **caps: int) -> NightSettings:
    return NightSettings(begin=minute(begin), end=minute(end), **caps)


def minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


@pytest.mark.parametrize(
    ("begin", "end", "now", "expected"),
    [
        ("22:00", "07:00", "2026-12-01 21:59", None),
        ("22:00", "07:00", "2026-12-01 22:00", ("2026-12-01 22:00", "2026-12-02 07:00")),
        ("22:00", "07:00", "2026-12-02 06:59", ("2026-12-01 22:00", "2026-12-02 07:00")),
        ("22:00", "07:00", "2026-12-02 07:00", None),
        ("01:00", "05:00", "2026-12-02 03:00", ("2026-12-02 01:00", "2026-12-02 05:00")),
        ("01:00", "05:00", "2026-12-02 05:00", None),
        ("07:01", "07:00", "2026-12-02 07:00", None),
        ("07:01", "07:00", "2026-12-02 06:59", ("2026-12-01 07:01", "2026-12-02 07:00")),
        ("22:00", "07:00", "2026-03-29 04:00", ("2026-03-28 22:00", "2026-03-29 07:00")),
        ("22:00", "07:00", "2026-10-25 04:00", ("2026-10-24 22:00", "2026-10-25 07:00")),
    ],
)
def test_a_window_is_that_of_the_clocks_also_over_midnight(
    begin: str, end: str, now: str, expected: tuple[str, str] | None
) -> None:
    window = expected and NightWindow(begin=at(expected[0]), end=at(expected[1]))
    assert window_at(night(begin, end), at(now), BERLIN) == window


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 8), ("2026-10-24", 10), ("2026-12-01", 9)])
def test_a_night_in_which_the_clocks_change_is_an_hour_shorter_or_longer(day: str, hours: int) -> None:
    window = window_at(night("22:00", "07:00"), at(f"{day} 23:00"), BERLIN)
    assert window is not None
    assert window.end - window.begin == hours * 3600


def test_a_time_that_the_clocks_leave_out_comes_as_long_after_the_change() -> None:
    window = window_at(night("22:00", "02:30"), at("2026-03-28 23:00"), BERLIN)
    assert window is not None
    assert window.end == at("2026-03-29 03:30")
    assert next_moment(minute("02:30"), at("2026-03-28 23:00"), BERLIN) == at("2026-03-29 03:30")


def test_a_time_that_the_clocks_show_twice_begins_a_night_the_first_time_and_ends_one_the_last_time() -> None:
    ends = window_at(night("22:00", "02:30"), at("2026-10-24 23:00"), BERLIN)
    begins = window_at(night("02:30", "07:00"), at("2026-10-25 06:00"), BERLIN)
    assert ends is not None
    assert begins is not None
    assert ends.end == at("2026-10-25 02:30", fold=1)
    assert begins.begin == at("2026-10-25 02:30", fold=0)
    assert next_moment(minute("02:30"), at("2026-10-24 23:00"), BERLIN) == at("2026-10-25 02:30", fold=0)


@given(begin=st.integers(0, 1439), end=st.integers(0, 1439), now=st.integers(1_700_000_000, 1_900_000_000))
def test_a_time_is_in_a_window_or_in_the_one_with_both_ends_exchanged(begin: int, end: int, now: int) -> None:
    if begin == end:
        return
    one = window_at(NightSettings(begin=begin, end=end), float(now), BERLIN)
    other = window_at(NightSettings(begin=end, end=begin), float(now), BERLIN)
    assert (one is not None) or (other is not None)
    for window in (one, other):
        assert window is None or window.begin <= now < window.end <= window.begin + 25 * 3600


@given(minutes=st.integers(0, 1439), now=st.integers(1_700_000_000, 1_900_000_000))
def test_the_time_of_until_is_the_next_one_within_a_day(minutes: int, now: int) -> None:
    found = next_moment(minutes, float(now), BERLIN)
    assert now < found <= now + 25 * 3600


def test_what_holds_by_day_by_night_and_with_until() -> None:
    settings = night("22:00", "07:00", max_tasks=3)
    day = night_at(settings, 0.0, at("2026-12-01 12:00"), BERLIN)
    inside = night_at(settings, 0.0, at("2026-12-01 23:00"), BERLIN)
    until = night_at(None, at("2026-12-02 07:00"), at("2026-12-01 12:00"), BERLIN)
    assert (day, day.unattended) == (Night(), False)
    assert (inside.caps, inside.unattended) == (settings, True)
    assert (until.caps, until.unattended) == (None, True)


def test_after_until_nothing_starts() -> None:
    until = night_at(None, at("2026-12-02 07:00"), at("2026-12-02 06:59"), BERLIN)
    assert end_reason(until, at("2026-12-02 06:59"), BERLIN) == ""
    assert end_reason(until, at("2026-12-02 07:00"), BERLIN) == "nothing starts after 07:00 (`coworkd up --until`)"
    assert end_reason(Night(), at("2026-12-02 07:00"), BERLIN) == ""
    assert clock_text(at("2026-07-02 07:00"), BERLIN) == "07:00"


@pytest.mark.parametrize(("used", "reason"), [(999, ""), (1000, "the night's tokens are used up: 1,000 of 1,000 (`night: {tokens}` in config.yaml)")])  # fmt: skip
def test_the_tokens_of_a_night_are_counted_in_its_window_alone(used: int, reason: str) -> None:
    caps = night("22:00", "07:00", tokens=1000)
    assert tokens_reason(night_at(caps, 0.0, at("2026-12-01 23:00"), BERLIN), used) == reason
    assert tokens_reason(night_at(caps, 0.0, at("2026-12-01 12:00"), BERLIN), used) == ""


def test_a_task_that_has_begun_in_the_night_may_go_on() -> None:
    tasks = NightTasks(most=1, begun=frozenset(), until=0.0)
    assert not tasks.is_full_for("a")
    full = tasks.with_begun("a")
    assert (full.is_full_for("a"), full.is_full_for("b")) == (False, True)
