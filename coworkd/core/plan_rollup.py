"""Where a plan stands, from the tasks in it and in the plans below it: status, progress, cost, tokens.

The status is the first of `ROLLUP_ORDER` that any task has, and `done` only when every task that is not cancelled is.
Progress is weighted by `size`. Nothing of it is written into plan files. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coworkd.core.model import Status
from coworkd.core.plan_tree import PlanNode, PlanTree

ROLLUP_ORDER = (
    Status.WAITING, Status.REVIEW, Status.FAILED, Status.RUNNING, Status.MERGING, Status.READY, Status.PAUSED,
    Status.DRAFT, Status.DONE, Status.CANCELLED,
)  # fmt: skip
"""What a person is needed for comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTotals:
    """Tasks of one plan with one status, added up."""

    status: Status
    tasks: int
    size: float
    cost_usd: float = 0.0
    tokens: int = 0
    unknown_costs: int = 0
    """Tasks whose cost, or a part of it, is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRollup:
    """A plan with everything below it."""

    status: Status
    progress: float
    """The share that is done, from 0 to 1; cancelled tasks count for nothing."""
    tasks: int
    """All that are not cancelled."""
    done: int
    cost_usd: float
    cost_is_least: bool
    """The cost of some task is not known: it is at least so much."""
    tokens: int
    counts: Mapping[Status, int]


def roll_up(tree: PlanTree, totals: Mapping[str, Sequence[TaskTotals]]) -> dict[str, PlanRollup]:
    """Every plan; `totals` are those of its own tasks, by plan."""
    found: dict[str, PlanRollup] = {}
    for node in tree.bottom_up():
        below = [(child, found[child.id]) for child in tree.children(node.id)]
        found[node.id] = _roll_up_one(totals.get(node.id, ()), below)
    return found


def _roll_up_one(own: Sequence[TaskTotals], below: Sequence[tuple[PlanNode, PlanRollup]]) -> PlanRollup:
    counts: dict[Status, int] = {}
    for status, tasks in [
        *((one.status, one.tasks) for one in own),
        *(pair for _, rollup in below for pair in rollup.counts.items()),
    ]:
        counts[status] = counts.get(status, 0) + tasks
    return PlanRollup(
        status=rolled_up_status(counts), progress=_progress(own, below), counts=counts,
        tasks=sum(tasks for status, tasks in counts.items() if status is not Status.CANCELLED),
        done=counts.get(Status.DONE, 0),
        cost_usd=sum(one.cost_usd for one in own) + sum(rollup.cost_usd for _, rollup in below),
        cost_is_least=any(one.unknown_costs for one in own) or any(rollup.cost_is_least for _, rollup in below),
        tokens=sum(one.tokens for one in own) + sum(rollup.tokens for _, rollup in below),
    )  # fmt: skip


def rolled_up_status(counts: Mapping[Status, int]) -> Status:
    """The status of a plan with so many tasks of each; a plan without a task is a draft."""
    return next((status for status in ROLLUP_ORDER if counts.get(status)), Status.DRAFT)


def _progress(own: Sequence[TaskTotals], below: Sequence[tuple[PlanNode, PlanRollup]]) -> float:
    """A plan below counts by its own size, and by its own progress; one in which nothing is left to do does not."""
    parts = [(one.size, float(one.status is Status.DONE)) for one in own if one.status is not Status.CANCELLED]
    parts += [(node.size, rollup.progress) for node, rollup in below if rollup.tasks]
    whole = sum(size for size, _ in parts)
    return sum(size * done for size, done in parts) / whole if whole else 0.0
