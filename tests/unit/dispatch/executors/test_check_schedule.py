from __future__ import annotations

from coworkd.dispatch.executors.check_schedule import LATE, CheckSchedule


def test_checks_follow_each_other_at_equal_intervals() -> None:
    checks = CheckSchedule(1.0, 100.0)
    assert not checks.is_due(100.9)
    assert checks.is_due(101.0)
    assert checks.begin(101.2) == 0.0
    assert checks.next == 102.2
    assert checks.awake_since == 100.0


def test_a_busy_machine_delays_a_check_and_prevents_none() -> None:
    checks = CheckSchedule(1.0, 100.0)
    assert checks.begin(101.0 + LATE) == 0.0
    assert checks.awake_since == 100.0


def test_time_in_which_the_executor_was_stopped_counts_for_no_one() -> None:
    checks = CheckSchedule(1.0, 100.0)
    assert checks.begin(400.0) == 299.0
    assert (checks.awake_since, checks.next) == (400.0, 401.0)
    assert checks.begin(401.0) == 0.0


def test_while_there_is_nothing_to_check_none_is_prevented() -> None:
    checks = CheckSchedule(1.0, 100.0)
    checks.restart(400.0)
    assert not checks.is_due(400.5)
    assert checks.begin(401.0) == 0.0
