from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.plan_holds import PlanPlace, plan_holds
from coworkd.core.plan_order import parse_order
from coworkd.core.plan_tree import PlanNode, PlanTree
from tests.unit.core.test_plan_tree import plan

PHASES = [plan("top", sequential=True), plan("p2", "top", "2"), plan("p21", "top", "2.1"), plan("p3", "top", "3")]


def open_in(**counts: int) -> dict[PlanPlace, int]:
    """Open tasks by plan; `top_2` stands for tasks of `top` with the place 2."""
    found: dict[PlanPlace, int] = {}
    for name, count in counts.items():
        plan_id, _, order = name.partition("_")
        found[plan_id, parse_order(order) or ()] = count
    return found


def held(nodes: list[PlanNode], **counts: int) -> dict[str, str]:
    return {hold.plan: hold.awaited[0] for hold in plan_holds(PlanTree(nodes), open_in(**counts))}


def test_an_inserted_phase_holds_what_comes_after_it_and_not_what_comes_before() -> None:
    assert held(PHASES, p2=1, p21=1, p3=1) == {"p21": "p2", "p3": "p2"}
    assert held(PHASES, p21=1, p3=1) == {"p3": "p21"}
    assert held(PHASES, p3=1) == {}


def test_what_lies_below_a_phase_is_held_with_it_and_counts_for_it() -> None:
    nodes = [*PHASES, plan("deep", "p2"), plan("late", "p3")]
    assert held(nodes, deep=1, late=2) == {"p3": "p2", "late": "p2"}


def test_without_sequential_nothing_is_held() -> None:
    assert held([plan("top"), plan("a", "top", "1"), plan("b", "top", "2")], a=1, b=1) == {}


def test_children_without_a_place_and_those_with_the_same_one_do_not_wait() -> None:
    nodes = [plan("top", sequential=True), plan("a", "top", "1"), plan("b", "top", "1"), plan("c", "top")]
    assert held(nodes, a=1, b=1, c=1) == {}


def test_the_own_tasks_of_a_plan_are_children_too() -> None:
    [hold] = plan_holds(PlanTree(PHASES), open_in(top_1=1, top_2=3))
    assert (hold.plan, hold.order, hold.awaited, hold.whole_plan) == ("top", (2,), ("top", (1,)), False)
    assert hold.reason == "waits for the tasks of `top` with `order: 1`, which come before it"


@given(st.dictionaries(st.sampled_from(["p2", "p21", "p3"]), st.integers(0, 3)))
def test_something_open_is_never_held(counts: dict[str, int]) -> None:
    """Else nothing would ever go on."""
    open_plans = {name for name, count in counts.items() if count}
    assert not open_plans or open_plans - held(PHASES, **counts).keys()
