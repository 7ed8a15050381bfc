"""What decides which runs start, besides the ready tasks. Values only."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from coworkd.core.nights import NightTasks
from coworkd.dispatch.scheduling.scheduler import ActiveRun, Capacity, Postponed


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedAgent:
    """Whether tasks that request one agent may start, and which agent does their work."""

    agent: str
    """The agent that starts for them: the requested one, or a fallback."""
    provider: str = ""
    """The provider of that agent's model; empty: not known."""
    blocked: Postponed | None = None
    """Why it may not be used for any task; None: it may."""
    check_budget: Callable[[str], Postponed | None] = field(default=lambda _: None, compare=False)
    """Given a task's id: why that task's own budget does not allow it; None: it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAllowance:
    """How many runs may start now: a limit on the rate of starts."""

    max_starts: float = math.inf
    until: float = math.inf
    """When more runs may start."""

    def postponement(self, starts: int) -> Postponed | None:
        """Why no more runs may start after this many; None: more may."""
        if starts < self.max_starts:
            return None
        return Postponed(reason="waits a moment: many runs have just started", until=self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """What decides which runs start, besides the ready tasks."""

    agents: Mapping[str, RequestedAgent]
    """By the agent that tasks request; one for each that `ReadyQueue.requested` names."""
    active: Sequence[ActiveRun]
    capacity: Capacity
    budgets: object = None
    """Only compared: when it differs from the last plan's, tasks that wait for their budget are looked at again."""
    gathering_until: float = 0.0
    """New tasks wait until then, so that of tasks that are saved together the most urgent starts first."""
    gathering_time: float = 0.0
    """Seconds for which a task counts as new."""
    earlier_starts: int = 0
    """How many runs were started so far, of any task; every few starts, the task that has waited longest is next."""
    allowance: StartAllowance = StartAllowance()
    night_tasks: NightTasks | None = None
    """How many tasks may begin in this night; None: nothing bounds that."""

    def after_start(self, task: str) -> PlanInputs:
        """The inputs for what else may start once this task does."""
        if self.night_tasks is None:
            return self
        return replace(self, night_tasks=self.night_tasks.with_begun(task))
