"""What is wrong with the dependencies of tasks, shown as problems on their files: cycles, unknown and dead ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from coworkd.board.task_board import Board
from coworkd.core.dependency_graph import cycle_through
from coworkd.core.dependency_graph import cycles as cycles_in
from coworkd.core.model import Problem
from coworkd.store import Database
from coworkd.store.dependencies import (
    dead_dependencies,
    dependants_of,
    dependencies_of,
    dependency_graph,
    direct_dependencies,
    unknown_dependencies,
)
from coworkd.store.events import latest_event
from coworkd.store.problems import problem_tasks, problems_of_tasks, put_problem, remove_problem
from coworkd.store.tasks import done_among, task_paths, tasks_touched_since

MAX_WALKED_TASKS = 20
"""Tasks for which the graph is walked from each; for more it is read as a whole."""

CANNOT_START, WILL_NOT_START = "graph", "warning"
"""Sources of problems: the task cannot start, or it will not as things are."""

_SOURCES = (CANNOT_START, WILL_NOT_START)


class _StoredGraph(Mapping[str, Sequence[str]]):
    """The dependencies of all tasks, read from the database as far as they are walked."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def __getitem__(self, task: str) -> list[str]:
        return direct_dependencies(self._db, task)

    def __iter__(self) -> Iterator[str]:
        return iter(dependency_graph(self._db))

    def __len__(self) -> int:
        return len(dependency_graph(self._db))


@dataclass(frozen=True, slots=True)
class _DependencyProblem:
    """What is wrong with the dependencies of a task."""

    source: str
    message: str


class DependencyWatch:
    """Looks at the dependencies of tasks where something changed since; used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db = board.db
        self._checked_event = self._db.state.checked_event
        """The latest event whose task's dependencies have been looked at."""

    def look(self, now: float) -> None:
        """Look at the dependencies around every task that changed since they were last looked at."""
        latest = latest_event(self._db)
        if latest == self._checked_event:
            return
        with self._db.write():
            check_dependencies(self._board, tasks_touched_since(self._db, self._checked_event), now)
            self._db.state.checked_event = latest
        self._checked_event = latest


def check_dependencies(board: Board, changed: Collection[str], now: float) -> None:
    """Look at these tasks, at those that need them, and at every task that had a problem with its dependencies."""
    db = board.db
    again = problem_tasks(db, _SOURCES)
    tasks = frozenset(changed) | dependants_of(db, changed) | again
    found = _problems(db, sorted(dependencies_of(db, tasks)))
    if found or again:
        with db.write():
            _store_problems(db, found, again, now)


def _store_problems(db: Database, found: Mapping[str, _DependencyProblem], again: frozenset[str], now: float) -> None:
    """Let the problems in the database be those that were found; one that stays keeps its time."""
    paths = task_paths(db, found)
    for row in problems_of_tasks(db, again | found.keys(), _SOURCES):
        problem = found.get(row.task)
        if problem is None or problem.source != row.source or paths.get(row.task) != row.path:
            remove_problem(db, row.path, row.source)
    for task, path in paths.items():
        put_problem(db, Problem(path=path, line=0, message=found[task].message), found[task].source, now, task)


def _problems(db: Database, tasks: Sequence[str]) -> dict[str, _DependencyProblem]:
    """What is wrong around these tasks; each one's worst."""
    done = done_among(db, tasks)
    pending = [task for task in tasks if task not in done]
    return {**_dead_ends(db, pending), **_unknown(db, pending), **_cycles(db, pending)}


def _dead_ends(db: Database, tasks: Sequence[str]) -> dict[str, _DependencyProblem]:
    """A dependency that failed or was cancelled blocks in plain sight, never in silence."""
    found: dict[str, _DependencyProblem] = {}
    for task, dead in dead_dependencies(db, tasks).items():
        names = ", ".join(f"{name} ({status})" for name, status in dead)
        message = f"is blocked by {names}; make it ready again, or close it with `done`"
        found[task] = _DependencyProblem(WILL_NOT_START, message)
    return found


def _unknown(db: Database, tasks: Sequence[str]) -> dict[str, _DependencyProblem]:
    return {
        task: _DependencyProblem(CANNOT_START, _unknown_message(names))
        for task, names in unknown_dependencies(db, tasks).items()
    }


def _unknown_message(ids: Sequence[str]) -> str:
    names = ", ".join(f"`{name}`" for name in ids)
    what = "is no task here" if len(ids) == 1 else "are no tasks here"
    return f"depends on {names}, which {what}; write that task or take it out of `depends_on`"


def _cycles(db: Database, tasks: Sequence[str]) -> dict[str, _DependencyProblem]:
    """Every task on a cycle through one of these: each is told of a cycle that it is on."""
    few = len(tasks) <= MAX_WALKED_TASKS
    needs = _StoredGraph(db) if few else dependency_graph(db)
    cycles = {task: cycle_through(task, needs) for task in tasks} if few else cycles_in(needs)
    found: dict[str, _DependencyProblem] = {}
    for cycle in cycles.values():
        for task in cycle:
            own = cycles.get(task) or cycle
            message = f"waits for itself: {' -> '.join(own)}; take one `depends_on` out"
            found[task] = _DependencyProblem(CANNOT_START, message)
    return found
