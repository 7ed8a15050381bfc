"""What `sequential: true` holds: a child of such a plan waits until all children before it are done.

The children of a plan are the plans below it and its own tasks. Those with an `order` are done in this order, those
with the same one together; a child without one neither waits nor is waited for. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from coworkd.core.plan_order import Order, order_text
from coworkd.core.plan_tree import PlanTree

PlanPlace = tuple[str, Order]
"""A plan, and a place in it: its tasks with this `order`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHold:
    """Tasks of a plan that wait for an earlier child of it, or of a plan above."""

    plan: str
    order: Order | None
    """Only its tasks with this place; None: all that is in it."""
    awaited: PlanPlace
    """What is waited for: a plan, all of it, or the tasks with a place in one."""
    whole_plan: bool
    """All of the awaited plan is waited for."""

    @property
    def reason(self) -> str:
        name, order = self.awaited
        if self.whole_plan:
            return f"waits for the plan `{name}`, which comes before it"
        return f"waits for the tasks of `{name}` with `order: {order_text(order)}`, which come before it"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Child:
    """A child of a sequential plan."""

    order: Order
    place: PlanPlace
    is_plan: bool


def plan_holds(tree: PlanTree, open_tasks: Mapping[PlanPlace, int]) -> list[PlanHold]:
    """Everything that is held now; `open_tasks` are counts of tasks that are neither done nor cancelled."""
    if not any(node.sequential for node in tree):
        return []
    open_plans = {above for (plan, _), count in open_tasks.items() if count for above in tree.above(plan)}
    found: list[PlanHold] = []
    for node in tree:
        if node.sequential:
            found += _held_children(tree, node.id, _open_children(tree, node.id, open_tasks, open_plans))
    return found


def _open_children(
    tree: PlanTree, plan: str, open_tasks: Mapping[PlanPlace, int], open_plans: Iterable[str]
) -> list[_Child]:
    """Children with a place that are not done, the first one first."""
    plans = [
        _Child(order=child.order, place=(child.id, ()), is_plan=True)
        for child in tree.children(plan)
        if child.order and child.id in open_plans
    ]
    tasks = [
        _Child(order=order, place=(name, order), is_plan=False)
        for (name, order), count in open_tasks.items()
        if name == plan and order and count
    ]
    return sorted([*plans, *tasks], key=lambda child: (child.order, child.place))


def _held_children(tree: PlanTree, plan: str, children: list[_Child]) -> Iterator[PlanHold]:
    for child in children[1:]:
        first = children[0]
        if child.order == first.order:
            continue
        held = tree.within(child.place[0]) if child.is_plan else [plan]
        for name in held:
            yield PlanHold(
                plan=name, order=None if child.is_plan else child.order, awaited=first.place, whole_plan=first.is_plan
            )
