"""Which dependencies of a task are unmet, and what is wrong with the graph around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from coworkd.board.task_board import Board
from coworkd.core.dependency_graph import cycle_through
from coworkd.core.dependency_graph import cycles as cycles_in
from coworkd.core.model import Problem
from coworkd.store import Database, TaskRow
from coworkd.store.landings import UNMET
from coworkd.sync.problems import put_problem


def unmet_dependencies(db: Database, task: str) -> list[str]:
    """The dependencies that block this task."""
    sql = f"SELECT n.needed FROM needs n LEFT JOIN tasks t ON t.id = n.needed WHERE n.task = ? AND {UNMET}"
    return [row["needed"] for row in db.query(f"{sql} ORDER BY n.needed", task)]


def startable(db: Database) -> list[TaskRow]:
    """Ready tasks that nothing on the board stands in the way of."""
    return db.all(
        TaskRow,
        "status = 'ready' AND wanted = '' AND held = '' AND NOT pulled AND NOT elsewhere AND NOT gone"
        " AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.task = tasks.id AND r.state != 'ended')"
        " AND NOT EXISTS (SELECT 1 FROM problems p WHERE p.path = tasks.path AND p.source IN ('graph', 'agent'))"
        " AND NOT EXISTS (SELECT 1 FROM needs n LEFT JOIN tasks t ON t.id = n.needed"
        f" WHERE n.task = tasks.id AND {UNMET})",
    )


class Startable:
    """`startable`, asked anew only when something has changed: many tasks may wait for others in vain."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._seen = -1
        self._found: list[TaskRow] = []

    def tasks(self) -> list[TaskRow]:
        if self._db.changes != self._seen:
            self._seen, self._found = self._db.changes, startable(self._db)
        return self._found


class _StoredDependencies(Mapping[str, Sequence[str]]):
    """The graph, read from the database as far as it is walked."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def __getitem__(self, task: str) -> list[str]:
        return [row["needed"] for row in self._db.query("SELECT needed FROM needs WHERE task = ?", task)]

    def __iter__(self) -> Iterator[str]:
        return (row["task"] for row in self._db.query("SELECT DISTINCT task FROM needs"))

    def __len__(self) -> int:
        return int(self._db.scalar("SELECT count(DISTINCT task) FROM needs"))


MAX_WALKED_TASKS = 20
"""Tasks for which the graph is walked from each; for more it is read as a whole."""

_SOURCES = "source IN ('graph', 'warning')"


@dataclass(frozen=True, slots=True)
class _DependencyProblem:
    """What is wrong with the dependencies of a task."""

    source: str
    """`graph`: it cannot start. `warning`: it will not, as things are."""
    message: str


def check_dependencies(board: Board, tasks: Iterable[str], now: float) -> None:
    """Look at these tasks, at those that need them, and at every task that had a problem with its dependencies."""
    db, changed = board.db, frozenset(tasks)
    again = frozenset(row["task"] for row in db.query(f"SELECT DISTINCT task FROM problems WHERE {_SOURCES}"))
    around = frozenset(row["task"] for row in db.query_in("SELECT task FROM needs WHERE needed IN (?)", changed))
    needy = db.query_in("SELECT DISTINCT task FROM needs WHERE task IN (?)", changed | around | again)
    found = _findings(db, [row["task"] for row in needy])
    if found or again:
        with db.write():
            _store_problems(db, found, again, now)


def _store_problems(db: Database, found: Mapping[str, _DependencyProblem], again: frozenset[str], now: float) -> None:
    """Let the problems say what was found; one that stays keeps its time."""
    shown = db.query_in(
        f"SELECT task, path, source FROM problems WHERE {_SOURCES} AND task IN (?)", again | found.keys()
    )
    paths = {row["id"]: row["path"] for row in db.query_in("SELECT id, path FROM tasks WHERE id IN (?)", found)}
    for row in shown:
        finding = found.get(row["task"])
        if finding is None or finding.source != row["source"] or paths.get(row["task"]) != row["path"]:
            db.execute("DELETE FROM problems WHERE path = ? AND source = ?", row["path"], row["source"])
    for task, path in paths.items():
        put_problem(db, Problem(path=path, line=0, message=found[task].message), found[task].source, now, task)


def _findings(db: Database, tasks: Sequence[str]) -> dict[str, _DependencyProblem]:
    """What is wrong around these tasks; each one's worst."""
    over = {row["id"] for row in db.query_in("SELECT id FROM tasks WHERE status = 'done' AND id IN (?)", tasks)}
    open_ = [task for task in tasks if task not in over]
    return {**_dead_ends(db, open_), **_unknown(db, open_), **_cycles(db, open_)}


def _dead_ends(db: Database, tasks: Sequence[str]) -> dict[str, _DependencyProblem]:
    """A dependency that failed or was cancelled blocks in plain sight, never in silence."""
    rows = db.query_in(
        "SELECT n.task, t.id, t.status FROM needs n JOIN tasks t ON t.id = n.needed JOIN tasks me ON me.id = n.task"
        " WHERE t.status IN ('failed', 'cancelled') AND me.status IN ('ready', 'draft') AND n.task IN (?)"
        " ORDER BY t.id",
        tasks,
    )
    return {
        task: _DependencyProblem(
            "warning", f"is blocked by {', '.join(dead)}; make it ready again, or close it with `done`"
        )
        for task, dead in _grouped((row["task"], f"{row['id']} ({row['status']})") for row in rows).items()
    }


def _unknown(db: Database, tasks: Sequence[str]) -> dict[str, _DependencyProblem]:
    rows = db.query_in(
        "SELECT n.task, n.needed FROM needs n JOIN tasks me ON me.id = n.task LEFT JOIN tasks t ON t.id = n.needed"
        " WHERE t.id IS NULL AND n.task IN (?) ORDER BY n.rowid",
        tasks,
    )
    missing = _grouped((row["task"], row["needed"]) for row in rows)
    return {task: _DependencyProblem("graph", _unknown_message(names)) for task, names in missing.items()}


def _unknown_message(ids: Sequence[str]) -> str:
    names = ", ".join(f"`{name}`" for name in ids)
    what = "is no task here" if len(ids) == 1 else "are no tasks here"
    return f"depends on {names}, which {what}; write that task or take it out of `depends_on`"


def _cycles(db: Database, tasks: Sequence[str]) -> dict[str, _DependencyProblem]:
    """Every task on a cycle through one of these: each is told of a cycle that it is on."""
    needs = _StoredDependencies(db) if len(tasks) <= MAX_WALKED_TASKS else _all_dependencies(db)
    cycles = (
        {task: cycle_through(task, needs) for task in tasks} if len(tasks) <= MAX_WALKED_TASKS else cycles_in(needs)
    )
    told: dict[str, _DependencyProblem] = {}
    for cycle in cycles.values():
        for task in cycle:
            own = cycles.get(task) or cycle
            told[task] = _DependencyProblem("graph", f"waits for itself: {' -> '.join(own)}; take one `depends_on` out")
    return told


def _all_dependencies(db: Database) -> dict[str, list[str]]:
    return _grouped((row["task"], row["needed"]) for row in db.query("SELECT task, needed FROM needs"))


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for task, what in pairs:
        found.setdefault(task, []).append(what)
    return found
