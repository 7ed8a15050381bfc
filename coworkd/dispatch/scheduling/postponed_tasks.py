"""Ready tasks that have a reason of their own to wait, found by what ends it. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from coworkd.dispatch.scheduling.scheduler import ActiveRun, Postponed

WaitCause = tuple[str, Hashable]
"""What a postponed task waits for: tasks with the same cause are looked at again together."""
TIME: WaitCause = ("time", None)
BUDGET: WaitCause = ("budget", None)
GATHERING: WaitCause = ("gathering", None)
"""Waiting for others that were saved with it."""
_FILES = "files"


def files_cause(run: ActiveRun) -> WaitCause:
    """A run that may touch the same files."""
    return (_FILES, (run.task, run.touches))


@dataclass(frozen=True, slots=True, kw_only=True)
class PostponedTask:
    """Why a task waits, and what ends that."""

    postponed: Postponed
    cause: WaitCause

    @property
    def alone(self) -> bool:
        """Waiting for others that were saved with it is shown for all such tasks together."""
        return self.cause != GATHERING


class PostponedTasks:
    """Used by one thread."""

    def __init__(self) -> None:
        self._tasks: dict[str, PostponedTask] = {}
        self._due: list[tuple[float, str]] = []
        self._by_cause: dict[WaitCause, set[str]] = {}
        self.changed: set[str] = set()
        """Tasks whose own reason may be another than when this was emptied last."""

    def __contains__(self, task: str) -> bool:
        return task in self._tasks

    def add(self, task: str, postponed: PostponedTask) -> None:
        self._tasks[task] = postponed
        self._by_cause.setdefault(postponed.cause, set()).add(task)
        if postponed.postponed.until is not None:
            heapq.heappush(self._due, (postponed.postponed.until, task))
        if postponed.alone:
            self.changed.add(task)

    def remove(self, task: str) -> None:
        postponed = self._tasks.pop(task)
        same_cause = self._by_cause[postponed.cause]
        same_cause.remove(task)
        if not same_cause:
            del self._by_cause[postponed.cause]
        if postponed.alone:
            self.changed.add(task)

    def find(self, task: str) -> PostponedTask | None:
        """Why this task waits; None where it has no reason of its own."""
        return self._tasks.get(task)

    def with_cause(self, cause: WaitCause) -> AbstractSet[str]:
        """The tasks that wait for this."""
        return self._by_cause.get(cause, frozenset())

    def with_free_files(self, active: AbstractSet[WaitCause]) -> set[str]:
        """The tasks that wait for a run's files and for none of these runs (see `files_cause`)."""
        over = [tasks for cause, tasks in self._by_cause.items() if cause[0] == _FILES and cause not in active]
        return set[str]().union(*over)

    def take_due(self, now: float) -> set[str]:
        """The tasks whose time has come; each is returned once."""
        due: set[str] = set()
        while self._due and self._due[0][0] <= now:
            at, task = heapq.heappop(self._due)
            if self._is_due(at, task):
                due.add(task)
        return due

    def next_due(self) -> float | None:
        """When time alone ends the next reason."""
        while self._due and not self._is_due(*self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def _is_due(self, at: float, task: str) -> bool:
        postponed = self._tasks.get(task)
        return postponed is not None and postponed.postponed.until == at
