from __future__ import annotations

from coworkd.agents.drivers.llm.context_meter import ContextMeter


def test_each_warning_is_given_once_and_again_after_a_summary() -> None:
    meter = ContextMeter(most=1000)
    assert [meter.count(used) for used in (100, 799, 800, 850, 900, 950)] == [None, None, 0.8, None, 0.9, None]
    meter.emptied()
    assert meter.count(950) == 0.9


def test_a_summary_is_due_before_the_context_is_full() -> None:
    meter = ContextMeter(most=1000, used=800)
    assert not meter.full(50)
    assert meter.full(51)


def test_nothing_is_full_whose_size_no_one_knows() -> None:
    meter = ContextMeter(most=None)
    assert meter.count(10**9) is None
    assert not meter.full(10**9)
