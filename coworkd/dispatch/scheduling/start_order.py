"""In which order ready tasks start: by priority, then critical path, then age; or the oldest one first. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

_MAX_INSERTED = 32
"""So many tasks are inserted one by one; for more the heaps are built again."""

UrgencyKey = tuple[float, int, float, str]
"""Priority, negative length of the chain, time when it became ready, and the task."""
AgeKey = tuple[float, str]
"""Time when it became ready, and the task."""
_Key = TypeVar("_Key", UrgencyKey, AgeKey)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedTask:
    """A ready task that would run if there were capacity."""

    task: str
    requested: str
    """The agent that its file names; empty: the default one."""
    priority: float
    chain_length: int
    """Length of the chain of tasks that wait for it."""
    since: float
    """When it became ready, in seconds since the epoch."""
    touches: tuple[str, ...] = ()
    not_before: float = 0.0
    attempted: bool = False
    """It was tried before."""


def urgency_key(task: QueuedTask) -> UrgencyKey:
    """The smallest one starts first."""
    return (task.priority, -task.chain_length, task.since, task.task)


def age_key(task: QueuedTask) -> AgeKey:
    """The smallest one has been ready longest."""
    return (task.since, task.task)


class StartOrder:
    """The tasks that request the same agent and have no reason of their own to wait.

    Two heaps; what was removed stays in them until it comes up, or until it is the greater part.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, QueuedTask] = {}
        self._by_urgency: list[UrgencyKey] = []
        self._by_age: list[AgeKey] = []

    def add(self, tasks: Sequence[QueuedTask]) -> None:
        self._tasks.update((task.task, task) for task in tasks)
        if len(tasks) <= _MAX_INSERTED:
            for task in tasks:
                heapq.heappush(self._by_urgency, urgency_key(task))
                heapq.heappush(self._by_age, age_key(task))
        else:
            self._rebuild()

    def remove(self, task: str) -> None:
        del self._tasks[task]
        if len(self._by_urgency) > 2 * len(self._tasks) + _MAX_INSERTED:
            self._rebuild()

    def most_urgent(self) -> UrgencyKey | None:
        """The key of the task that starts next; None when there is none."""
        return self._smallest(self._by_urgency, urgency_key)

    def oldest(self) -> AgeKey | None:
        """The key of the task that has been ready longest; None when there is none."""
        return self._smallest(self._by_age, age_key)

    def _smallest(self, heap: list[_Key], key: Callable[[QueuedTask], _Key]) -> _Key | None:
        while heap:
            task = self._tasks.get(heap[0][-1])
            if task is not None and key(task) == heap[0]:
                return heap[0]
            heapq.heappop(heap)
        return None

    def _rebuild(self) -> None:
        self._by_urgency = [urgency_key(task) for task in self._tasks.values()]
        self._by_age = [age_key(task) for task in self._tasks.values()]
        heapq.heapify(self._by_urgency)
        heapq.heapify(self._by_age)
