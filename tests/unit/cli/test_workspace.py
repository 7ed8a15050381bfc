from __future__ import annotations

from coworkd.cli.workspace import Turns


def test_a_holder_is_waited_for_as_long_as_one_turn_may_take() -> None:
    turns = Turns(each=30, total=600, now=0)
    assert not turns.is_over(7, 1)
    assert not turns.is_over(7, 30)
    assert turns.is_over(7, 32)


def test_a_queue_of_commands_that_moves_is_waited_for() -> None:
    turns = Turns(each=30, total=600, now=0)
    assert not any(turns.is_over(pid, 20.0 * pid) for pid in range(1, 30))
    assert turns.is_over(31, 601), "but not for ever"
