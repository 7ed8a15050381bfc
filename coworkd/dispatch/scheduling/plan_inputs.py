"""All that a plan of starts follows from, beside the ready tasks. Values only."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from coworkd.dispatch.scheduling.scheduler import ActiveRun, Capacity, Postponed


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedAgent:
    """What holds for every task that requests the same agent."""

    agent: str
    """The agent that does them now: the requested one, or a fallback."""
    provider: str = ""
    blocked: Postponed | None = None
    """Why it may not be used."""
    check_budget: Callable[[str], Postponed | None] = field(default=lambda _: None, compare=False)
    """Why a task may not use it, by the task's own budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAllowance:
    """How many runs may start now, so that there is no storm of them."""

    max_starts: float = math.inf
    until: float = math.inf
    """When more may."""

    def postponement(self, starts: int) -> Postponed | None:
        """Why no more may start after so many; None when more may."""
        if starts < self.max_starts:
            return None
        return Postponed(reason="waits a moment: many runs have just started", until=self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """All that a plan follows from, beside the tasks."""

    agents: Mapping[str, RequestedAgent]
    """By the agent that tasks request; one for each that `ReadyQueue.requested` names."""
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
