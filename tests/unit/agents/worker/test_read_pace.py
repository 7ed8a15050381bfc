"""When output is read again: soon after a silence and in bulk, rarely where little comes all the time."""

from __future__ import annotations

from coworkd.agents.worker.read_pace import BULK, FIRST_PAUSE, SILENCE, ReadPace


def test_pauses_grow_while_little_comes_all_the_time() -> None:
    pace, now = ReadPace(1.0), 100.0
    pauses: list[float] = []
    for _ in range(6):
        pauses.append(pace.pause_after(80, now))
        now += pauses[-1]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_bulk_is_read_without_a_pause() -> None:
    pace = ReadPace(1.0)
    assert [pace.pause_after(BULK, 1.0 + at) for at in range(3)] == [0.0, 0.0, 0.0]
    assert pace.pause_after(10, 4.0) == FIRST_PAUSE


def test_after_a_silence_the_pauses_begin_small() -> None:
    pace = ReadPace(1.0)
    for at in range(5):
        pace.pause_after(10, float(at) / 10)
    assert pace.pause_after(10, 0.4 + SILENCE + 0.1) == FIRST_PAUSE


def test_no_pause_is_longer_than_the_longest() -> None:
    pace = ReadPace(0.05)
    assert {pace.pause_after(10, 0.0), pace.pause_after(10, 0.05)} == {0.05}
