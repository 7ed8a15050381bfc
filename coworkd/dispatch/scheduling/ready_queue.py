"""The ready tasks in the order in which they start, and why each of the others waits.

Pure: no I/O and no clock. A plan looks at as many tasks as start, and at those whose own reason changes. What holds
for every task, or for every task that requests the same agent, is found once and stored once. A task with a reason of
its own is postponed until that can have changed.

Order: priority, then critical path, then age. So that no task starves, every `OLDEST_EVERY`th start goes to the task
that has been ready longest, if that is longer than `STARVING_AFTER`: a task before which n others became ready starts
after `STARVING_AFTER` and (n + 1) x `OLDEST_EVERY` starts at the latest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from coworkd.dispatch.scheduling.plan_inputs import PlanInputs, RequestedAgent
from coworkd.dispatch.scheduling.postponed_tasks import (
    BUDGET,
    GATHERING,
    TIME,
    PostponedTask,
    PostponedTasks,
    files_cause,
)
from coworkd.dispatch.scheduling.scheduler import (
    ActiveRun,
    Postponed,
    RunRequest,
    StartRun,
    agent_postponement,
    full_postponement,
    halt_postponement,
    overlapping_run,
    own_postponement,
)
from coworkd.dispatch.scheduling.start_order import QueuedTask, StartOrder

STARVING_AFTER = 3600.0
"""Seconds after which a ready task gets a share of the starts, whatever its priority."""
OLDEST_EVERY = 8
"""One in so many starts is that share."""

_GATHERING_REASON = "waits for others that were saved with it"


class ReadyQueue:
    """Used by one thread."""

    def __init__(self) -> None:
        self._tasks: dict[str, QueuedTask] = {}
        self._orders: dict[str, StartOrder] = {}
        """By requested agent."""
        self._postponed = PostponedTasks()
        self._starting: set[str] = set()
        self._requests: Counter[str] = Counter()
        """How many tasks request each agent."""
        self._budgets: object = None
        self.halt: Postponed | None = None
        """Why nothing starts at all."""
        self.agent_postponements: dict[str, Postponed] = {}
        """Why no task that requests an agent starts, by agent."""
        self.rest: Postponed | None = None
        """Why every other task waits that has no reason of its own."""
        self.changed = self._postponed.changed
        """Tasks whose own reason may be another than when this was emptied last."""

    # ---- tasks

    def put(self, tasks: Iterable[QueuedTask]) -> None:
        """Add these tasks; one that is known is replaced, and looked at again."""
        by_agent: dict[str, list[QueuedTask]] = {}
        for task in tasks:
            self.remove(task.task)
            self._tasks[task.task] = task
            self._requests[task.requested] += 1
            by_agent.setdefault(task.requested, []).append(task)
        for requested, same_agent in by_agent.items():
            self._orders.setdefault(requested, StartOrder()).add(same_agent)

    def remove(self, task: str) -> None:
        """Forget a task; nothing happens where it is not known."""
        queued = self._tasks.pop(task, None)
        if queued is None:
            return
        self._requests[queued.requested] -= 1
        if task in self._starting:
            self._starting.remove(task)
        elif task in self._postponed:
            self._postponed.remove(task)
        else:
            self._orders[queued.requested].remove(task)

    def requested(self) -> list[str]:
        """The agents that tasks request; empty: the default one."""
        return sorted(agent for agent, count in self._requests.items() if count)

    # ---- reasons

    def own_reason(self, task: str) -> Postponed | None:
        """Why this task waits where no other need; None: it has no such reason."""
        own = self._postponed.find(task)
        return own.postponed if own is not None and own.alone else None

    def reason(self, task: str) -> Postponed | None:
        """Why a task waits, as of the latest plan; None for one that starts."""
        if task in self._starting or task not in self._tasks:
            return None
        own = self._postponed.find(task)
        shared = self.agent_postponements.get(self._tasks[task].requested) or self.rest
        return self.halt or (own.postponed if own is not None else shared)

    def deadline(self) -> float | None:
        """When time alone may let a task start."""
        shared = (self.halt, self.rest, *self.agent_postponements.values())
        times = [self._postponed.next_due(), *(postponed and postponed.until for postponed in shared)]
        return min((at for at in times if at is not None), default=None)

    # ---- planning

    def plan(self, inputs: PlanInputs, now: float) -> list[StartRun]:
        """The runs that start now; each of the other tasks has its reason from then on."""
        self._reconsider(inputs, now)
        self.halt, self.rest = halt_postponement(inputs.capacity), None
        self.agent_postponements = {
            name: agent.blocked for name, agent in inputs.agents.items() if agent.blocked is not None
        }
        if self.halt is not None:
            return []
        active = list(inputs.active)
        starts: list[StartRun] = []
        while (task := self._next_task(inputs.earlier_starts + len(starts), now)) is not None:
            self.rest = full_postponement(active, inputs.capacity) or inputs.allowance.postponement(len(starts))
            if self.rest is not None:
                break
            agent = inputs.agents[task.requested]
            if self._try_postpone(task, agent, inputs, active, now):
                continue
            self._orders[task.requested].remove(task.task)
            self._starting.add(task.task)
            starts.append(StartRun(task=task.task, agent=agent.agent))
            active.append(_begun_run(task, agent))
            inputs = inputs.after_start(task.task)
        if self.rest is None:
            self.rest = self._gathering_postponement()
        return starts

    def forget_reasons(self) -> None:
        """There is no task, and so nothing that holds for all of them."""
        self.halt, self.rest, self.agent_postponements = None, None, {}

    def postpone_started(self, task: str, postponed: Postponed) -> None:
        """A task that was to start could not: its budget leaves it nothing now."""
        self._starting.discard(task)
        self._postponed.add(task, PostponedTask(postponed=postponed, cause=BUDGET))

    def _next_task(self, earlier_starts: int, now: float) -> QueuedTask | None:
        """The task that starts next, of those that nothing is known to keep waiting."""
        orders = [order for agent, order in self._orders.items() if agent not in self.agent_postponements]
        if earlier_starts % OLDEST_EVERY == OLDEST_EVERY - 1:
            oldest = min((key for order in orders if (key := order.oldest())), default=None)
            if oldest is not None and oldest[0] <= now - STARVING_AFTER:
                return self._tasks[oldest[-1]]
        first = min((key for order in orders if (key := order.most_urgent())), default=None)
        return None if first is None else self._tasks[first[-1]]

    def _try_postpone(
        self, task: QueuedTask, agent: RequestedAgent, inputs: PlanInputs, active: Sequence[ActiveRun], now: float
    ) -> bool:
        """Whether it does not start now: alone, or with every task that requests the same agent."""
        request = RunRequest(
            task=task.task, agent=agent.agent, provider=agent.provider, touches=task.touches,
            not_before=task.not_before,
        )  # fmt: skip
        if (shared := agent_postponement(request, active, inputs.capacity, now)) is not None:
            self.agent_postponements[task.requested] = shared
            return True
        own = _postponed_alone(task, request, inputs, active, now)
        if own is None and (over_budget := agent.check_budget(task.task)) is not None:
            own = PostponedTask(postponed=over_budget, cause=BUDGET)
        if own is None:
            return False
        self._orders[task.requested].remove(task.task)
        self._postponed.add(task.task, own)
        return True

    def _gathering_postponement(self) -> Postponed | None:
        task = next(iter(self._postponed.with_cause(GATHERING)), None)
        own = self._postponed.find(task) if task is not None else None
        return own.postponed if own is not None else None

    def _reconsider(self, inputs: PlanInputs, now: float) -> None:
        """Put the tasks back whose own reason may be over, and those that were to start and did not."""
        again = self._starting | self._postponed.take_due(now)
        again |= self._postponed.with_free_files({files_cause(run) for run in inputs.active})
        if inputs.budgets != self._budgets:
            self._budgets = inputs.budgets
            again |= self._postponed.with_cause(BUDGET)
        self.put([self._tasks[task] for task in again])


def _begun_run(task: QueuedTask, agent: RequestedAgent) -> ActiveRun:
    return ActiveRun(
        task=task.task, agent=agent.agent, provider=agent.provider, touches=task.touches, preparing=True
    )  # fmt: skip


def _postponed_alone(
    task: QueuedTask, request: RunRequest, inputs: PlanInputs, active: Sequence[ActiveRun], now: float
) -> PostponedTask | None:
    """Why this task alone does not start now."""
    new = not task.attempted and task.since > now - inputs.gathering_time
    if new and inputs.gathering_until > now:
        gathering = Postponed(reason=_GATHERING_REASON, until=inputs.gathering_until)
        return PostponedTask(postponed=gathering, cause=GATHERING)
    night = inputs.night_tasks
    if night is not None and night.is_full_for(task.task):
        reason = f"the night's tasks have begun: {night.most} (`night: {{max_tasks}}` in config.yaml)"
        return PostponedTask(postponed=Postponed(reason=reason, until=night.until), cause=BUDGET)
    postponed = own_postponement(request, active, now)
    if postponed is None:
        return None
    other = overlapping_run(task.touches, active) if postponed.until is None else None
    return PostponedTask(postponed=postponed, cause=files_cause(other) if other else TIME)
