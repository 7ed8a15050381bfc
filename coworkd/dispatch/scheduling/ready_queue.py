"""The ready tasks in the order in which they start, and why each of the others waits.

Pure: no I/O and no clock. A plan looks at as many tasks as start, and at those whose own reason changes. What holds
for every task, or for every task that requests the same agent, is found once and said once. A task with a reason of its
own is set aside until that can have changed.

Order: priority, then critical path, then age. So that no task starves, every `OLDEST_EVERY`th start goes to the task
that has been ready longest, if that is longer than `PATIENCE`: a task before which n others became ready starts after
`PATIENCE` and (n + 1) x `OLDEST_EVERY` starts at the latest.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from coworkd.dispatch.scheduling.scheduler import (
    ActiveRun,
    Capacity,
    Postponed,
    RunRequest,
    StartRun,
    agent_postponement,
    full,
    halt,
    overlapping_run,
    own_postponement,
)

PATIENCE = 3600.0
"""Seconds after which a ready task gets a share of the starts, whatever its priority."""
OLDEST_EVERY = 8
"""One in so many starts is that share."""

_FEW = 32
"""So many tasks are inserted one by one; for more the order is made again."""

_GATHERING = "waits for others that were saved with it"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What holds for every task that requests the same agent."""

    agent: str
    """The agent that does them now: the requested one, or a fallback."""
    provider: str = ""
    blocked: Postponed | None = None
    """Why it may not be used."""
    own: Callable[[str], Postponed | None] = field(default=lambda _: None, compare=False)
    """Why a task may not use it, by the task's own budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAllowance:
    """How many runs may start now, so that there is no storm of them."""

    most: float = math.inf
    until: float = math.inf
    """When more may."""

    def used_up(self, starts: int) -> Postponed | None:
        if starts < self.most:
            return None
        return Postponed(reason="waits a moment: many runs have just started", until=self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """All that a plan follows from, beside the tasks."""

    lanes: Mapping[str, Lane]
    """By requested agent; one for each that `ReadyQueue.requested` names."""
    active: Sequence[ActiveRun]
    capacity: Capacity
    budgets: object = None
    """While it stays the same, so does what tasks may not use of their budgets."""
    gathering_until: float = 0.0
    """New tasks wait until then for others that were saved with them, so that the most urgent starts first."""
    gathering_time: float = 0.0
    """Seconds for which a task is new."""
    runs_before: int = 0
    """Runs that ever started, of any task."""
    starts: StartAllowance = StartAllowance()


_Order = tuple[float, int, float, str]
_Age = tuple[float, str]
Key = TypeVar("Key", _Order, _Age)

_Cause = tuple[str, Hashable]
"""What a task that is set aside waits for: these tasks are looked at again together."""
_TIME: _Cause = ("time", None)
_BUDGET: _Cause = ("budget", None)
_OTHERS: _Cause = ("others", None)
_FILES = "files"
"""With the task of a run and the patterns of its files."""


def _order(task: QueuedTask) -> _Order:
    return (task.priority, -task.chain_length, task.since, task.task)


def _age(task: QueuedTask) -> _Age:
    return (task.since, task.task)


class _Waiting:
    """Tasks that request the same agent and have no reason of their own to wait.

    Two heaps; what was removed stays in them until it comes up, or until it is the greater part.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, QueuedTask] = {}
        self._by_order: list[_Order] = []
        self._by_age: list[_Age] = []

    def add(self, tasks: Sequence[QueuedTask]) -> None:
        self._tasks.update((task.task, task) for task in tasks)
        if len(tasks) <= _FEW:
            for task in tasks:
                heapq.heappush(self._by_order, _order(task))
                heapq.heappush(self._by_age, _age(task))
        else:
            self._rebuild()

    def remove(self, task: str) -> None:
        del self._tasks[task]
        if len(self._by_order) > 2 * len(self._tasks) + _FEW:
            self._rebuild()

    def first(self) -> _Order | None:
        """The place of the task that starts next; None when there is none."""
        return self._top(self._by_order, _order)

    def oldest(self) -> _Age | None:
        """The place of the task that has been ready longest."""
        return self._top(self._by_age, _age)

    def _top(self, heap: list[Key], key: Callable[[QueuedTask], Key]) -> Key | None:
        while heap:
            task = self._tasks.get(heap[0][-1])
            if task is not None and key(task) == heap[0]:
                return heap[0]
            heapq.heappop(heap)
        return None

    def _rebuild(self) -> None:
        self._by_order = [_order(task) for task in self._tasks.values()]
        self._by_age = [_age(task) for task in self._tasks.values()]
        heapq.heapify(self._by_order)
        heapq.heapify(self._by_age)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SetAside:
    """A task with a reason of its own to wait."""

    postponed: Postponed
    cause: _Cause

    @property
    def alone(self) -> bool:
        """Waiting for others that were saved with it is said of all such tasks together."""
        return self.cause != _OTHERS


class ReadyQueue:
    """Used by one thread."""

    def __init__(self) -> None:
        self._tasks: dict[str, QueuedTask] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._aside: dict[str, _SetAside] = {}
        self._due: list[tuple[float, str]] = []
        self._by_cause: dict[_Cause, set[str]] = {}
        self._lanes: Counter[str] = Counter()
        self._starting: set[str] = set()
        self._budgets: object = None
        self.halt: Postponed | None = None
        """Why nothing starts at all."""
        self.closed: dict[str, Postponed] = {}
        """Why no task that requests an agent starts, by agent."""
        self.rest: Postponed | None = None
        """Why every other task waits that has no reason of its own."""
        self.changed: set[str] = set()
        """Tasks whose own reason may be another than when this was emptied last."""

    # ---- tasks

    def put(self, tasks: Iterable[QueuedTask]) -> None:
        """Add these tasks; one that is known is replaced, and looked at again."""
        lanes: dict[str, list[QueuedTask]] = {}
        for task in tasks:
            self.remove(task.task)
            self._tasks[task.task] = task
            self._lanes[task.requested] += 1
            lanes.setdefault(task.requested, []).append(task)
        for requested, some in lanes.items():
            self._waiting.setdefault(requested, _Waiting()).add(some)

    def remove(self, task: str) -> None:
        """Forget a task; one that is not known is none."""
        queued = self._tasks.pop(task, None)
        if queued is None:
            return
        self._lanes[queued.requested] -= 1
        if task in self._starting:
            self._starting.remove(task)
        elif task in self._aside:
            self._take_back(task)
        else:
            self._waiting[queued.requested].remove(task)

    def requested(self) -> list[str]:
        """The agents that tasks request; empty: the default one."""
        return sorted(lane for lane, count in self._lanes.items() if count)

    # ---- reasons

    def own_reason(self, task: str) -> Postponed | None:
        """Why this task waits where no other need; None: it has no such reason."""
        aside = self._aside.get(task)
        return aside.postponed if aside is not None and aside.alone else None

    def reason(self, task: str) -> Postponed | None:
        """Why a task waits, as of the latest plan; None for one that starts."""
        if task in self._starting or task not in self._tasks:
            return None
        aside = self._aside.get(task)
        own = aside.postponed if aside is not None else None
        return self.halt or own or self.closed.get(self._tasks[task].requested) or self.rest

    def deadline(self) -> float | None:
        """When time alone may let a task start."""
        while self._due and not self._is_due(*self._due[0]):
            heapq.heappop(self._due)
        shared = (self.halt, self.rest, *self.closed.values())
        times = [postponed.until for postponed in shared if postponed is not None and postponed.until is not None]
        return min([*times, *(at for at, _ in self._due[:1])], default=None)

    def _is_due(self, at: float, task: str) -> bool:
        aside = self._aside.get(task)
        return aside is not None and aside.postponed.until == at

    # ---- planning

    def plan(self, inputs: PlanInputs, now: float) -> list[StartRun]:
        """The runs that start now; each of the other tasks has its reason from then on."""
        self._reopen(inputs, now)
        self.halt, self.rest = halt(inputs.capacity), None
        self.closed = {name: lane.blocked for name, lane in inputs.lanes.items() if lane.blocked is not None}
        if self.halt is not None:
            return []
        taken = list(inputs.active)
        starts: list[StartRun] = []
        while (task := self._next(inputs.runs_before + len(starts), now)) is not None:
            self.rest = full(taken, inputs.capacity) or inputs.starts.used_up(len(starts))
            if self.rest is not None:
                break
            lane = inputs.lanes[task.requested]
            if self._postpone(task, lane, inputs, taken, now):
                continue
            self._waiting[task.requested].remove(task.task)
            self._starting.add(task.task)
            starts.append(StartRun(task=task.task, agent=lane.agent))
            taken.append(_begun(task, lane))
        if self.rest is None:
            self.rest = self._gathering()
        return starts

    def forget_reasons(self) -> None:
        """There is no task, and so nothing that holds for all of them."""
        self.halt, self.rest, self.closed = None, None, {}

    def set_aside(self, task: str, postponed: Postponed) -> None:
        """A task that was to start could not: its budget leaves it nothing now."""
        self._starting.discard(task)
        self._put_aside(self._tasks[task], _SetAside(postponed=postponed, cause=_BUDGET))

    def _next(self, runs_before: int, now: float) -> QueuedTask | None:
        """The task that starts next, of those that nothing is known to keep waiting."""
        lanes = [waiting for name, waiting in self._waiting.items() if name not in self.closed]
        if runs_before % OLDEST_EVERY == OLDEST_EVERY - 1:
            oldest = min((place for waiting in lanes if (place := waiting.oldest())), default=None)
            if oldest is not None and oldest[0] <= now - PATIENCE:
                return self._tasks[oldest[-1]]
        first = min((place for waiting in lanes if (place := waiting.first())), default=None)
        return None if first is None else self._tasks[first[-1]]

    def _postpone(
        self, task: QueuedTask, lane: Lane, inputs: PlanInputs, taken: Sequence[ActiveRun], now: float
    ) -> bool:
        """Whether it does not start now: alone, or with every task that requests the same agent."""
        request = RunRequest(
            task=task.task, agent=lane.agent, provider=lane.provider, touches=task.touches, not_before=task.not_before
        )  # fmt: skip
        if (shared := agent_postponement(request, taken, inputs.capacity, now)) is not None:
            self.closed[task.requested] = shared
            return True
        aside = _own(task, request, inputs, taken, now) or _over_budget(lane.own(task.task))
        if aside is None:
            return False
        self._waiting[task.requested].remove(task.task)
        self._put_aside(task, aside)
        return True

    def _gathering(self) -> Postponed | None:
        task = next(iter(self._by_cause.get(_OTHERS, ())), None)
        return self._aside[task].postponed if task is not None else None

    # ---- setting aside, and looking again

    def _put_aside(self, task: QueuedTask, aside: _SetAside) -> None:
        self._aside[task.task] = aside
        self._by_cause.setdefault(aside.cause, set()).add(task.task)
        if aside.postponed.until is not None:
            heapq.heappush(self._due, (aside.postponed.until, task.task))
        if aside.alone:
            self.changed.add(task.task)

    def _take_back(self, task: str) -> None:
        aside = self._aside.pop(task)
        together = self._by_cause[aside.cause]
        together.remove(task)
        if not together:
            del self._by_cause[aside.cause]
        if aside.alone:
            self.changed.add(task)

    def _reopen(self, inputs: PlanInputs, now: float) -> None:
        """Put the tasks back whose own reason may be over, and those that were to start and did not."""
        again = set(self._starting)
        while self._due and self._due[0][0] <= now:
            at, task = heapq.heappop(self._due)
            if self._is_due(at, task):
                again.add(task)
        at_work: set[Hashable] = {(run.task, run.touches) for run in inputs.active}
        for cause, tasks in self._by_cause.items():
            if cause[0] == _FILES and cause[1] not in at_work:
                again |= tasks
        if inputs.budgets != self._budgets:
            self._budgets = inputs.budgets
            again |= self._by_cause.get(_BUDGET, set())
        self.put([self._tasks[task] for task in again])


def _begun(task: QueuedTask, lane: Lane) -> ActiveRun:
    return ActiveRun(
        task=task.task, agent=lane.agent, provider=lane.provider, touches=task.touches, preparing=True
    )  # fmt: skip


def _own(
    task: QueuedTask, request: RunRequest, inputs: PlanInputs, taken: Sequence[ActiveRun], now: float
) -> _SetAside | None:
    """Why this task alone does not start now."""
    new = not task.attempted and task.since > now - inputs.gathering_time
    if new and inputs.gathering_until > now:
        gathering = Postponed(reason=_GATHERING, until=inputs.gathering_until)
        return _SetAside(postponed=gathering, cause=_OTHERS)
    postponed = own_postponement(request, taken, now)
    if postponed is None:
        return None
    other = overlapping_run(task.touches, taken) if postponed.until is None else None
    return _SetAside(postponed=postponed, cause=(_FILES, (other.task, other.touches)) if other else _TIME)


def _over_budget(postponed: Postponed | None) -> _SetAside | None:
    return None if postponed is None else _SetAside(postponed=postponed, cause=_BUDGET)
