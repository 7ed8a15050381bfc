"""Plans as they are shown: each with its status, progress and cost, in the order of the hierarchy. Read-only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from coworkd.core.model import Status
from coworkd.core.plan_order import order_text, parse_order
from coworkd.core.plan_rollup import PlanRollup, roll_up
from coworkd.core.plan_tree import PlanNode, PlanTree
from coworkd.core.plan_waves import waves
from coworkd.core.text_formats import format_usd
from coworkd.store import Database
from coworkd.store.dependencies import dependencies_of
from coworkd.store.plans import all_plans, task_totals, tasks_in_plans


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """A plan with all that is below it."""

    node: PlanNode
    depth: int
    """How many plans are above it."""
    rollup: PlanRollup

    @property
    def name(self) -> str:
        order = order_text(self.node.order)
        return f"{order} {self.node.title}" if order else self.node.title

    @property
    def cost(self) -> str:
        """What its runs cost, as far as it is known; empty: nothing."""
        amount = format_usd(self.rollup.cost_usd) if self.rollup.cost_usd else ""
        if self.rollup.cost_is_least:
            return f"at least {amount}" if amount else "cost unknown"
        return amount

    @property
    def standing(self) -> str:
        """Progress and cost in words."""
        tasks = f"{self.rollup.done} of {self.rollup.tasks} tasks done" if self.rollup.tasks else "no tasks"
        share = f"{self.rollup.progress:.0%}" if self.rollup.tasks else ""
        return ", ".join(part for part in (tasks, share, self.cost) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """A task of a plan, or of a plan below it."""

    id: str
    plan: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDetails:
    """One plan with the plans and tasks below it."""

    views: tuple[PlanView, ...]
    """The plan, then each below it."""
    waves: tuple[tuple[PlannedTask, ...], ...]
    """The tasks, by what they wait for; those on a cycle of dependencies are left out."""


def plan_views(db: Database) -> list[PlanView]:
    """Every plan, each below its parent."""
    nodes = all_plans(db)
    if not nodes:
        return []
    tree = PlanTree(nodes)
    return list(_views_below(tree, roll_up(tree, task_totals(db)), "", 0))


def _views_below(tree: PlanTree, rollups: dict[str, PlanRollup], plan: str, depth: int) -> Iterator[PlanView]:
    for child in tree.children(plan):
        yield PlanView(node=child, depth=depth, rollup=rollups[child.id])
        yield from _views_below(tree, rollups, child.id, depth + 1)


def plan_details(db: Database, plan: str) -> PlanDetails | None:
    """One plan; None where there is no plan with this id."""
    tree = PlanTree(all_plans(db))
    node = tree.find(plan)
    if node is None:
        return None
    rollups = roll_up(tree, task_totals(db))
    views = (PlanView(node=node, depth=0, rollup=rollups[plan]), *_views_below(tree, rollups, plan, 1))
    return PlanDetails(views=views, waves=tuple(_waves(db, tree, plan)))


def _waves(db: Database, tree: PlanTree, plan: str) -> Iterator[tuple[PlannedTask, ...]]:
    rows = [row for row in tasks_in_plans(db, sorted(tree.within(plan))) if row.status is not Status.CANCELLED]
    places = {row.id: (row.plan, parse_order(row.order) or ()) for row in rows}
    tasks = {row.id: PlannedTask(id=row.id, plan=row.plan, status=row.status) for row in rows}
    for wave in waves(tree, places, dependencies_of(db, list(places))):
        yield tuple(tasks[task] for task in wave)
