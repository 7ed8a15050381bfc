from __future__ import annotations

from coworkd.agents.port import EndReason
from coworkd.agents.worker.watchdog import Watchdog


def watchdog(*, timeout: float = 100.0, stall: float = 100.0) -> Watchdog:
    return Watchdog(timeout=timeout, stall=stall, now=1000.0)


def test_work_is_limited_however_lively() -> None:
    dog = watchdog(timeout=10.0, stall=5.0)
    for second in range(1, 10):
        dog.record_activity(1000.0 + second)
        assert dog.check(1000.0 + second, waiting=False) is None
    dog.record_activity(1010.0)
    assert dog.check(1010.0, waiting=False) is EndReason.TIMED_OUT


def test_silence_is_limited() -> None:
    dog = watchdog(stall=5.0)
    assert dog.check(1004.0, waiting=False) is None
    dog.record_activity(1004.0)
    assert dog.check(1008.9, waiting=False) is None
    assert dog.check(1009.0, waiting=False) is EndReason.STALLED


def test_both_clocks_stand_still_while_waiting() -> None:
    dog = watchdog(timeout=10.0, stall=5.0)
    assert dog.check(1004.0, waiting=False) is None
    assert dog.check(9000.0, waiting=True) is None
    assert dog.worked_seconds == 4.0
    assert dog.check(9000.9, waiting=False) is None
    assert dog.check(9001.0, waiting=False) is EndReason.STALLED


def test_silence_counts_from_the_last_activity_and_not_from_the_last_look() -> None:
    dog = watchdog(stall=5.0)
    dog.record_activity(1090.0)
    assert dog.check(1094.9, waiting=False) is None
    assert dog.check(1095.0, waiting=False) is EndReason.STALLED


def test_a_wait_lasts_until_the_first_deadline() -> None:
    dog = watchdog(timeout=10.0, stall=5.0)
    assert dog.seconds_left(1000.0, waiting=False) == 5.0
    assert dog.seconds_left(1002.0, waiting=False) == 3.0
    assert dog.seconds_left(1002.0, waiting=True) is None
    dog.end_wait(1004.0, waiting=False)
    dog.record_activity(1004.0)
    assert dog.seconds_left(1004.0, waiting=False) == 5.0
    dog.end_wait(1008.0, waiting=False)
    assert dog.seconds_left(1008.0, waiting=False) == 1.0
    assert dog.check(1009.0, waiting=False) is EndReason.STALLED


def test_a_wait_that_ended_long_after_its_deadline_was_no_silence() -> None:
    """The worker, or the machine, was stopped: what the agent did meanwhile is not known yet."""
    dog = watchdog(timeout=100.0, stall=50.0)
    dog.end_wait(5000.0, waiting=False)
    assert dog.check(5000.0, waiting=False) is None
    assert dog.worked_seconds == 0.0
    assert dog.seconds_left(5000.0, waiting=False) == 50.0
    dog.end_wait(5050.1, waiting=False)
    assert dog.check(5050.1, waiting=False) is EndReason.STALLED


def test_the_end_is_explained_with_its_limit() -> None:
    dog = watchdog(timeout=90.0, stall=5.0)
    assert "90 s" in dog.explain(EndReason.TIMED_OUT)
    assert "5 s" in dog.explain(EndReason.STALLED)
