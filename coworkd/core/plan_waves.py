"""Waves of the tasks of plans: what could be at work at the same time. The first wave waits for nothing.

A task is in the wave after the last of its dependencies, and after all that sequential plans put before it. Tasks on a
cycle of dependencies are in none. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from coworkd.core.plan_holds import PlanPlace
from coworkd.core.plan_order import Order
from coworkd.core.plan_tree import PlanTree


@dataclass(frozen=True, slots=True)
class _Barrier:
    """The end of all children with one place, and of those before it."""

    plan: str
    order: Order


def waves(tree: PlanTree, places: Mapping[str, PlanPlace], needs: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """These tasks, wave by wave; `places` has the plan and the place of each, `needs` its dependencies."""
    before: dict[str | _Barrier, set[str | _Barrier]] = {
        task: {need for need in needs.get(task, ()) if need in places} for task in places
    }
    orders = _orders(tree, places)
    for task, place in places.items():
        for barrier, earlier in _barriers(tree, place, orders):
            before.setdefault(barrier, set()).add(task)
            if earlier is not None:
                before.setdefault(barrier, set()).add(earlier)
                before[task].add(earlier)
    return _by_level(before)


def _orders(tree: PlanTree, places: Mapping[str, PlanPlace]) -> dict[str, list[Order]]:
    """The places in each sequential plan in which there is any task, the first one first."""
    found: dict[str, set[Order]] = {}
    for place in places.values():
        for plan, order in _steps(tree, place):
            found.setdefault(plan, set()).add(order)
    return {plan: sorted(orders) for plan, orders in found.items()}


def _steps(tree: PlanTree, place: PlanPlace) -> Iterator[PlanPlace]:
    """The sequential plans above a task, each with the place of the child that holds the task."""
    plan, order = place
    for name in tree.above(plan):
        node = tree.find(name)
        if node is not None and node.sequential and order:
            yield name, order
        order = node.order if node is not None else ()


def _barriers(
    tree: PlanTree, place: PlanPlace, orders: Mapping[str, Sequence[Order]]
) -> Iterator[tuple[_Barrier, _Barrier | None]]:
    """What a task is in front of, and what it comes after."""
    for plan, order in _steps(tree, place):
        position = orders[plan].index(order)
        earlier = _Barrier(plan, orders[plan][position - 1]) if position else None
        yield _Barrier(plan, order), earlier


def _by_level(before: Mapping[str | _Barrier, set[str | _Barrier]]) -> list[tuple[str, ...]]:
    sorter: TopologicalSorter[str | _Barrier] = TopologicalSorter(before)
    with suppress(CycleError):  # What does not lie behind the cycle is still sorted.
        sorter.prepare()
    levels: dict[str | _Barrier, int] = {}
    while ready := sorter.get_ready():
        for one in ready:
            last = max((levels[need] for need in before[one]), default=0)
            levels[one] = last + (not isinstance(one, _Barrier))
        sorter.done(*ready)
    found: dict[int, list[str]] = {}
    for one, level in levels.items():
        if not isinstance(one, _Barrier):
            found.setdefault(level, []).append(one)
    return [tuple(sorted(found[level])) for level in sorted(found)]
