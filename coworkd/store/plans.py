"""Plans as their files say, what holds tasks of sequential plans, and totals of the tasks in plans."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Annotated

from coworkd.core.model import PlanLevel, Status
from coworkd.core.plan_holds import PlanHold, PlanPlace
from coworkd.core.plan_order import order_text, parse_order
from coworkd.core.plan_rollup import TaskTotals
from coworkd.core.plan_tree import PlanNode, PlanTree
from coworkd.core.task_states import OVER
from coworkd.store.database import Database
from coworkd.store.row_mapping import SqlName
from coworkd.store.rows import TaskRow

EVERY_PLACE = "*"
"""In the table of holds: all tasks of the plan."""
_OPEN = "status NOT IN (" + ", ".join(f"'{status}'" for status in sorted(OVER)) + ")"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """What a plan file says of its place in the hierarchy."""

    path: str
    id: str
    sha: str
    """Of the text that was read."""
    title: str
    level: PlanLevel
    parent: str
    parent_line: int
    order: Annotated[str, SqlName("place")]
    sequential: bool
    size: float

    def node(self) -> PlanNode:
        return PlanNode(
            id=self.id, path=self.path, title=self.title, level=self.level, parent=self.parent,
            parent_line=self.parent_line, order=parse_order(self.order) or (), sequential=self.sequential,
            size=self.size,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadPlan:
    """A plan file that was not read in its present form."""

    path: str
    data: bytes
    sha: str


def unread_plans(db: Database) -> list[UnreadPlan]:
    """Plan files whose text is another than the rows of `plans` follow from."""
    rows = db.query(
        "SELECT d.path, d.want, d.want_sha FROM documents d LEFT JOIN plans p ON p.path = d.path"
        " WHERE d.kind = 'plan' AND d.want_sha != '' AND (p.sha IS NULL OR p.sha != d.want_sha)"
    )
    return [UnreadPlan(path=row["path"], data=row["want"], sha=row["want_sha"]) for row in rows]


def removed_plans(db: Database) -> list[str]:
    """Paths of plans whose file is gone."""
    rows = db.query(
        "SELECT path FROM plans p WHERE NOT EXISTS"
        " (SELECT 1 FROM documents d WHERE d.path = p.path AND d.want_sha != '')"
    )
    return [row["path"] for row in rows]


def put_plan(db: Database, row: PlanRow) -> None:
    """Store what a plan file says."""
    db.put(row)


def delete_plans(db: Database, paths: Collection[str]) -> None:
    """Forget plans whose files are gone."""
    for path in paths:
        db.execute("DELETE FROM plans WHERE path = ?", path)


def all_plans(db: Database) -> list[PlanNode]:
    """Every plan."""
    return [row.node() for row in db.all(PlanRow, "ORDER BY path")]


def has_sequential_plan(db: Database) -> bool:
    """Whether any plan does its children one after another."""
    return db.scalar("SELECT 1 FROM plans WHERE sequential LIMIT 1") is not None


# ---- tasks in plans


def open_tasks_by_place(db: Database) -> dict[PlanPlace, int]:
    """How many tasks of each plan and place are neither done nor cancelled."""
    rows = db.query(
        f"SELECT plan, place, count(*) AS tasks FROM tasks WHERE plan != '' AND {_OPEN} GROUP BY plan, place"
    )
    return {(row["plan"], parse_order(row["place"]) or ()): row["tasks"] for row in rows}


def task_totals(db: Database) -> dict[str, list[TaskTotals]]:
    """The tasks of each plan, added up by status. The cost of a task that never ran is known to be nothing."""
    rows = db.query(
        "SELECT plan, status, count(*) AS tasks, sum(size) AS size, sum(coalesce(cost_usd, 0)) AS cost,"
        " sum(input_tokens + output_tokens) AS tokens, sum(attempt > 0 AND cost_usd IS NULL) AS unknown"
        " FROM tasks WHERE plan != '' GROUP BY plan, status"
    )
    found: dict[str, list[TaskTotals]] = {}
    for row in rows:
        totals = TaskTotals(
            status=Status(row["status"]), tasks=row["tasks"], size=row["size"], cost_usd=row["cost"],
            tokens=row["tokens"], unknown_costs=row["unknown"],
        )  # fmt: skip
        found.setdefault(row["plan"], []).append(totals)
    return found


def tasks_in_plans(db: Database, plans: Collection[str]) -> list[TaskRow]:
    """The tasks of these plans."""
    return db.all_in(TaskRow, "plan", plans)


# ---- holds


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRow:
    """Tasks of a plan that wait for an earlier child, as it is stored; the place `*` stands for all of a plan."""

    plan: str
    place: str
    awaited: str
    """A plan."""
    awaited_place: str
    reason: str


def stored_holds(db: Database) -> set[HoldRow]:
    """All of them."""
    rows = db.query("SELECT plan, place, awaited, awaited_place, reason FROM plan_holds")
    return {
        HoldRow(
            plan=row["plan"], place=row["place"], awaited=row["awaited"], awaited_place=row["awaited_place"],
            reason=row["reason"],
        )
        for row in rows
    }  # fmt: skip


def hold_rows(holds: Iterable[PlanHold]) -> set[HoldRow]:
    """Holds as they are stored: of several for the same tasks the first."""
    found: dict[tuple[str, str], HoldRow] = {}
    for hold in holds:
        place = EVERY_PLACE if hold.order is None else order_text(hold.order)
        awaited, order = hold.awaited
        row = HoldRow(
            plan=hold.plan, place=place, awaited=awaited, reason=hold.reason,
            awaited_place=EVERY_PLACE if hold.whole_plan else order_text(order),
        )  # fmt: skip
        found.setdefault((hold.plan, place), row)
    return set(found.values())


def replace_holds(db: Database, old: Collection[HoldRow], new: Collection[HoldRow]) -> None:
    """Store these holds for those."""
    for row in old:
        db.execute("DELETE FROM plan_holds WHERE plan = ? AND place = ?", row.plan, row.place)
    for row in new:
        db.execute(
            "INSERT INTO plan_holds (plan, place, awaited, awaited_place, reason) VALUES (?, ?, ?, ?, ?)",
            row.plan, row.place, row.awaited, row.awaited_place, row.reason,
        )  # fmt: skip


def holds_by_place(db: Database) -> dict[tuple[str, str], HoldRow]:
    """All of them, by plan and place."""
    return {(row.plan, row.place): row for row in stored_holds(db)}


def open_tasks_awaited(db: Database, holds: Collection[HoldRow]) -> dict[HoldRow, list[str]]:
    """The ids of the tasks that each hold waits for."""
    if not holds:
        return {}
    tree, found = PlanTree(all_plans(db)), dict[HoldRow, list[str]]()
    for hold in holds:
        whole = hold.awaited_place == EVERY_PLACE
        plans = sorted(tree.within(hold.awaited)) if whole else [hold.awaited]
        rows = db.query_in(f"SELECT id, place FROM tasks WHERE plan IN (?) AND {_OPEN} ORDER BY id", plans)
        found[hold] = [row["id"] for row in rows if whole or row["place"] == hold.awaited_place]
    return found
