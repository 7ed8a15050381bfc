"""Which dependencies of a task are unmet, and what is wrong with the graph around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from coworkd.board.board import Board
from coworkd.graph import cycle_through
from coworkd.model import Status
from coworkd.store import Database, TaskRow

UNMET = (
    "SELECT n.needed FROM needs n LEFT JOIN tasks t ON t.id = n.needed"
    " WHERE n.task = ? AND (t.id IS NULL OR t.status != 'done' OR (t.landed = '' AND NOT t.closed)) ORDER BY n.needed"
)
"""A dependency is met by `done` with a landing, or by having been closed by hand."""


def unmet(db: Database, task: str) -> list[str]:
    """The dependencies that block this task."""
    return [row["needed"] for row in db.query(UNMET, task)]


def startable(db: Database) -> list[TaskRow]:
    """Ready tasks that nothing on the board stands in the way of."""
    return db.all(
        TaskRow,
        "status = 'ready' AND wanted = '' AND held = '' AND NOT pulled AND NOT elsewhere AND NOT gone"
        " AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.task = tasks.id AND r.state != 'ended')"
        " AND NOT EXISTS (SELECT 1 FROM problems p WHERE p.path = tasks.path AND p.source IN ('graph', 'agent'))"
        " AND NOT EXISTS (SELECT 1 FROM needs n LEFT JOIN tasks d ON d.id = n.needed WHERE n.task = tasks.id"
        " AND (d.id IS NULL OR d.status != 'done' OR (d.landed = '' AND NOT d.closed)))",
    )


class _Needs(Mapping[str, Sequence[str]]):
    """The graph, read from the database as far as it is walked."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def __getitem__(self, task: str) -> list[str]:
        return [row["needed"] for row in self._db.query("SELECT needed FROM needs WHERE task = ?", task)]

    def __iter__(self) -> Iterator[str]:
        return (row["task"] for row in self._db.query("SELECT DISTINCT task FROM needs"))

    def __len__(self) -> int:
        return int(self._db.scalar("SELECT count(DISTINCT task) FROM needs"))


def check_graph(board: Board, tasks: Iterable[str], now: float) -> None:
    """Look at these tasks and at every task that had a problem with its dependencies before."""
    db = board.db
    again = {row["task"] for row in db.query("SELECT DISTINCT task FROM problems WHERE source IN ('graph', 'warning')")}
    around = {row["task"] for task in tasks for row in db.query("SELECT task FROM needs WHERE needed = ?", task)}
    with db.write():
        for task in sorted({*tasks, *around, *again}):
            _check(board, task, now)


def _check(board: Board, task: str, now: float) -> None:
    row = board.db.one(TaskRow, "id = ?", task)
    if row is None:
        board.db.execute("DELETE FROM problems WHERE task = ? AND source IN ('graph', 'warning')", task)
        return
    board.solved(row.path, "graph", "warning")
    if row.status is Status.DONE:
        return
    needs = _Needs(board.db)
    unknown = [needed for needed in needs[task] if not board.db.scalar("SELECT 1 FROM tasks WHERE id = ?", needed)]
    cycle = cycle_through(task, needs)
    if cycle:
        board.problem(row, "graph", f"waits for itself: {' -> '.join(cycle)}; take one `depends_on` out", now)
        for other in cycle[1:-1]:
            _mark_cycle(board, other, cycle, now)
    elif unknown:
        board.problem(row, "graph", f"depends on {_names(unknown)}, which {_is_no_task(unknown)}; write that task or"
                      " take it out of `depends_on`", now)  # fmt: skip
    else:
        _warn_of_dead_ends(board, row, now)


def _mark_cycle(board: Board, task: str, cycle: Sequence[str], now: float) -> None:
    row = board.db.one(TaskRow, "id = ?", task)
    if row is not None:
        text = f"waits for itself: {' -> '.join(cycle)}; take one `depends_on` out"
        board.problem(row, "graph", text, now)


def _warn_of_dead_ends(board: Board, row: TaskRow, now: float) -> None:
    """A dependency that failed or was cancelled blocks in plain sight, never in silence."""
    dead = board.db.query(
        "SELECT t.id, t.status FROM needs n JOIN tasks t ON t.id = n.needed"
        " WHERE n.task = ? AND t.status IN ('failed', 'cancelled') ORDER BY t.id",
        row.id,
    )
    if dead and row.status in (Status.READY, Status.DRAFT):
        what = ", ".join(f"{found['id']} ({found['status']})" for found in dead)
        board.problem(row, "warning", f"is blocked by {what}; make it ready again, or close it with `done`", now)


def _names(ids: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in ids)


def _is_no_task(ids: Sequence[str]) -> str:
    return "is no task here" if len(ids) == 1 else "are no tasks here"
