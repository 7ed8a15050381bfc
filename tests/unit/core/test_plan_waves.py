from __future__ import annotations

from coworkd.core.plan_holds import PlanPlace
from coworkd.core.plan_tree import PlanTree
from coworkd.core.plan_waves import waves
from tests.unit.core.test_plan_tree import plan


def test_waves_come_from_dependencies() -> None:
    places: dict[str, PlanPlace] = dict.fromkeys("abcd", ("p", ()))
    needs = {"b": ["a"], "c": ["a", "elsewhere"], "d": ["b", "c"]}
    assert waves(PlanTree([plan("p")]), places, needs) == [("a",), ("b", "c"), ("d",)]


def test_what_a_sequential_plan_puts_later_is_in_a_later_wave() -> None:
    tree = PlanTree([plan("top", sequential=True), plan("one", "top", "1"), plan("two", "top", "2"), plan("x", "top")])
    places: dict[str, PlanPlace] = {
        "a": ("one", ()), "b": ("one", ()), "c": ("two", ()), "d": ("top", (1, 5)), "free": ("x", ())
    }  # fmt: skip
    assert waves(tree, places, {"b": ["a"]}) == [("a", "free"), ("b",), ("d",), ("c",)]


def test_tasks_on_a_cycle_are_in_no_wave() -> None:
    places: dict[str, PlanPlace] = dict.fromkeys("abc", ("p", ()))
    assert waves(PlanTree([plan("p")]), places, {"a": ["b"], "b": ["a"]}) == [("c",)]


def test_without_tasks_there_is_no_wave() -> None:
    assert waves(PlanTree([]), {}, {}) == []
