"""The tasks that are ready to start, kept in memory and looked at again only where rows have changed.

The index holds what a task itself says and has used. What depends on time, agents, limits or other runs is applied to
it by `start_planner` in every turn.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from coworkd.board.task_board import Board
from coworkd.core.dependency_graph import ChainLengths
from coworkd.core.model import TaskSpec
from coworkd.core.task_rules import contradiction
from coworkd.dispatch.patterns.registry import NEXT_STEPS
from coworkd.dispatch.scheduling.budget_queries import task_budget
from coworkd.dispatch.scheduling.budget_rules import TaskBudget
from coworkd.store import TaskRow
from coworkd.store.dependencies import dependencies_of, dependency_graph
from coworkd.store.task_changes import ChangedRows, TaskChanges
from coworkd.store.tasks import startable_among, startable_tasks, task_ids_at
from coworkd.store.usage import usage_of_tasks
from coworkd.sync.effective_specs import CONFIG


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyTask:
    """A task that nothing on the board stands in the way of."""

    row: TaskRow
    spec: TaskSpec
    budget: TaskBudget
    unsupported_reason: str
    """What it asks for and this version does not do; empty when there is nothing."""


class ReadyIndex:
    """Used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db = board.db
        self._changes = TaskChanges(board.db)
        self._chains = ChainLengths()
        self._tasks: dict[str, ReadyTask] = {}
        self._seated: set[str] = set()
        """Tasks whose pattern names agents of its own, all of them ready."""
        self._changed: set[str] = set()

    def tasks(self) -> Collection[ReadyTask]:
        return self._tasks.values()

    def find(self, task: str) -> ReadyTask | None:
        """The task; None when it is not ready."""
        return self._tasks.get(task)

    def with_named_seats(self) -> list[ReadyTask]:
        """Those whose pattern names agents of its own."""
        return [self._tasks[task] for task in self._seated]

    def chain_length(self, task: str) -> int:
        """Length of the chain of tasks that wait for this one, itself included."""
        return self._chains.of(task)

    def refresh(self) -> None:
        """Look again at what has changed since the last time."""
        changed = self._changes.take()
        if changed.everything or CONFIG in changed.files:
            self._load_all()
        else:
            self._load(changed)

    def take_changed(self) -> set[str]:
        """The tasks that are or were ready and may be others than at the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def _load_all(self) -> None:
        self._chains = ChainLengths()
        self._chains.replace(dependency_graph(self._db))
        self._changed |= self._tasks.keys()
        self._tasks.clear()
        self._seated.clear()
        self._add(startable_tasks(self._db))

    def _load(self, changed: ChangedRows) -> None:
        if changed.needs:
            needs = dependencies_of(self._db, changed.needs)
            lengths = self._chains.replace({task: needs.get(task, ()) for task in changed.needs})
            self._changed |= lengths & self._tasks.keys()
        tasks = changed.tasks | task_ids_at(self._db, changed.files)
        if tasks:
            self._changed |= tasks & self._tasks.keys()
            for task in tasks:
                self._tasks.pop(task, None)
                self._seated.discard(task)
            self._add(startable_among(self._db, tasks))

    def _add(self, rows: Sequence[TaskRow]) -> None:
        if not rows:
            return
        specs = self._board.specs.tasks([row.path for row in rows])
        usages = usage_of_tasks(self._db, [row.id for row in rows])
        self._changed.update(row.id for row in rows)
        for row in rows:
            spec = specs.get(row.path, TaskSpec())
            budget = task_budget(row, spec.budget, usages[row.id])
            if spec.pattern.members or spec.pattern.judges:
                self._seated.add(row.id)
            self._tasks[row.id] = ReadyTask(
                row=row, spec=spec, budget=budget, unsupported_reason=_unsupported_reason(spec)
            )


def _unsupported_reason(spec: TaskSpec) -> str:
    """A task that asks for what this version does not do is held, rather than run without it."""
    if found := contradiction(spec.mode, spec.pattern.name, loop=spec.loop is not None):
        # Untrusted text may say only some of what it says, and the rest stays as it was typed here.
        return found.reason
    if spec.pattern.name not in NEXT_STEPS:
        known = ", ".join(sorted(NEXT_STEPS))
        return f"`pattern: {spec.pattern.name}` is not available in this version; there is: {known}"
    return ""
