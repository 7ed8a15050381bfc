"""Which tasks a task depends on, and which of its dependencies are met."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

from coworkd.core.model import Status
from coworkd.core.task_states import BLOCKS_DEPENDANTS, UNSTARTED
from coworkd.store.database import Database

Value = TypeVar("Value")

UNMET = (
    "(t.id IS NULL OR t.status != ? OR (t.answer = '' AND NOT t.closed AND (t.landed = '' OR EXISTS"
    " (SELECT 1 FROM submissions lost WHERE lost.task = t.id AND lost.missing != ''))))"
)
"""A dependency `t` is met by a landing that is still there, by an answer, or by having been closed by hand.

Takes `Status.DONE`.
"""

VERIFIED = (
    "EXISTS (SELECT 1 FROM submissions made WHERE made.task = t.id AND made.state = ? AND made.kind = ?"
    " AND made.tree != '')"
)
"""A dependency `t` has a verified change on its way. Takes `SubmissionState.GREEN` and `SubmissionKind.WORK`."""

_ALL_DEPENDENCIES = (
    "WITH RECURSIVE found (id) AS (SELECT needed FROM needs WHERE task = ?"
    " UNION SELECT n.needed FROM needs n JOIN found ON n.task = found.id) SELECT id FROM found"
)
"""Every task that one depends on, through others too; cycles end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmetDependency:
    """A dependency that is not met, and where it stands."""

    task: str
    needed: str
    status: Status | None
    """None: there is no such task."""
    since: float
    landed: str


def all_dependencies(db: Database, task: str) -> frozenset[str]:
    """The tasks that this one depends on, directly or through others."""
    return frozenset(row["id"] for row in db.query(_ALL_DEPENDENCIES, task))


def unmet_dependencies(db: Database, task: str) -> tuple[str, ...]:
    """The tasks that block this one; a dependency that is no task is not among them."""
    return unmet_dependencies_of(db, [task]).get(task, ())


def unmet_dependencies_of(db: Database, tasks: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The tasks that block each of these, by task; a dependency that is no task is not among them."""
    unmet = UNMET.replace("?", f"'{Status.DONE}'")
    sql = f"SELECT n.task, n.needed FROM needs n JOIN tasks t ON t.id = n.needed WHERE n.task IN (?) AND {unmet}"
    rows = db.query_in(f"{sql} ORDER BY n.needed", tasks)
    return _grouped((row["task"], row["needed"]) for row in rows)


def all_unmet_dependencies(db: Database) -> list[UnmetDependency]:
    """The unmet dependencies of every task that is not done."""
    rows = db.query(
        "SELECT n.task, n.needed, t.status, coalesce(t.since, 0.0) AS since, coalesce(t.landed, '') AS landed"
        " FROM needs n JOIN tasks me ON me.id = n.task LEFT JOIN tasks t ON t.id = n.needed"
        f" WHERE me.status != ? AND {UNMET} ORDER BY n.task, n.needed",
        Status.DONE, Status.DONE,
    )  # fmt: skip
    return [
        UnmetDependency(
            task=row["task"], needed=row["needed"], status=Status(row["status"]) if row["status"] else None,
            since=row["since"], landed=row["landed"],
        )
        for row in rows
    ]  # fmt: skip


def dependencies_of(db: Database, tasks: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The written dependencies of each of these tasks, by task; a task without any is left out."""
    rows = db.query_in("SELECT task, needed FROM needs WHERE task IN (?) ORDER BY rowid", tasks)
    return _grouped((row["task"], row["needed"]) for row in rows)


def dependency_graph(db: Database) -> dict[str, tuple[str, ...]]:
    """The dependencies of every task."""
    return _grouped((row["task"], row["needed"]) for row in db.query("SELECT task, needed FROM needs ORDER BY rowid"))


def direct_dependencies(db: Database, task: str) -> list[str]:
    """The dependencies of one task."""
    return [row["needed"] for row in db.query("SELECT needed FROM needs WHERE task = ?", task)]


def dependants_of(db: Database, tasks: Collection[str]) -> frozenset[str]:
    """The tasks that depend directly on one of these."""
    return frozenset(row["task"] for row in db.query_in("SELECT task FROM needs WHERE needed IN (?)", tasks))


def dead_dependencies(db: Database, tasks: Collection[str]) -> dict[str, tuple[tuple[str, Status], ...]]:
    """The failed or cancelled dependencies of each of these tasks that has not started, by task."""
    rows = db.query_in(
        "SELECT n.task, t.id, t.status, me.status AS own FROM needs n JOIN tasks t ON t.id = n.needed"
        " JOIN tasks me ON me.id = n.task WHERE n.task IN (?) ORDER BY t.id",
        tasks,
    )
    return _grouped(
        (row["task"], (row["id"], Status(row["status"])))
        for row in rows
        if row["status"] in BLOCKS_DEPENDANTS and row["own"] in UNSTARTED
    )


def unknown_dependencies(db: Database, tasks: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The dependencies of each of these tasks whose id no task has, by task."""
    rows = db.query_in(
        "SELECT n.task, n.needed FROM needs n JOIN tasks me ON me.id = n.task LEFT JOIN tasks t ON t.id = n.needed"
        " WHERE t.id IS NULL AND n.task IN (?) ORDER BY n.rowid",
        tasks,
    )
    return _grouped((row["task"], row["needed"]) for row in rows)


def _grouped(pairs: Iterable[tuple[str, Value]]) -> dict[str, tuple[Value, ...]]:
    found: dict[str, list[Value]] = {}
    for task, value in pairs:
        found.setdefault(task, []).append(value)
    return {task: tuple(values) for task, values in found.items()}
