"""What starts next, and why the rest does not.

Pure: the board as values in, actions with their reasons in words out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A task that would run if there were room for it."""

    task: str
    agent: str
    priority: float
    chain_length: int
    """Length of the chain of tasks that wait for it."""
    since: float
    """When it became ready, in seconds since the epoch."""
    touches: tuple[str, ...] = ()
    not_before: float = 0.0
    blocked_reason: str = ""
    """What of its budget is used up; empty: there is something left."""
    blocked_until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveRun:
    """A task that is at work now."""

    task: str
    agent: str
    touches: tuple[str, ...] = ()
    waiting: bool = False
    """It waits for a person: its place counts as free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How much may run at once."""

    total: int
    per_agent: Mapping[str, int]
    """Limits of single agents, where they have one."""
    halt_reason: str = ""
    """Why nothing new starts at all; empty when it may."""
    halt_until: float | None = None
    """When to look again, where nobody tells that the halt is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRun:
    task: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """It does not start now, for this reason; `until` is when time alone may change that."""

    task: str
    reason: str
    until: float | None = None


Action = StartRun | Postponed


def next_actions(
    candidates: Sequence[Candidate], active: Sequence[ActiveRun], capacity: Capacity, now: float
) -> list[Action]:
    """Start what fits, in order of priority, then critical path, then age; say of the rest why it waits."""
    taken = list(active)
    actions: list[Action] = []
    for task in sorted(candidates, key=_sort_key):
        why = _postponed(task, taken, capacity, now)
        actions.append(why or StartRun(task=task.task, agent=task.agent))
        if why is None:
            taken.append(ActiveRun(task=task.task, agent=task.agent, touches=task.touches))
    return actions


def _sort_key(task: Candidate) -> tuple[float, int, float, str]:
    return (task.priority, -task.chain_length, task.since, task.task)


def _postponed(candidate: Candidate, active: Sequence[ActiveRun], capacity: Capacity, now: float) -> Postponed | None:
    if capacity.halt_reason:
        return Postponed(task=candidate.task, reason=capacity.halt_reason, until=capacity.halt_until)
    if candidate.not_before > now:
        return Postponed(task=candidate.task, reason="waits before its next attempt", until=candidate.not_before)
    if candidate.blocked_reason:
        return Postponed(task=candidate.task, reason=candidate.blocked_reason, until=candidate.blocked_until)
    if full := capacity_reason(candidate.agent, active, capacity):
        return Postponed(task=candidate.task, reason=full)
    overlap = next((other for other in active if overlapping(candidate.touches, other.touches)), None)
    return (
        Postponed(task=candidate.task, reason=f"waits for {overlap.task}, which touches the same files")
        if overlap
        else None
    )


def capacity_reason(agent: str, active: Sequence[ActiveRun], capacity: Capacity) -> str:
    """Why there is no place for one more run of this agent; empty when there is."""
    at_work = [other for other in active if not other.waiting]
    if len(at_work) >= capacity.total:
        return f"waits for a free place: {len(at_work)} of {capacity.total} are taken"
    limit = capacity.per_agent.get(agent)
    same = sum(other.agent == agent for other in at_work)
    return f"waits for agent {agent}: {same} of {limit} at work" if limit is not None and same >= limit else ""


def overlapping(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two sets of path patterns may mean the same file."""
    return any(_patterns_overlap(a, b) for a in one for b in other)


def _patterns_overlap(one: str, other: str) -> bool:
    if fnmatchcase(one, other) or fnmatchcase(other, one):
        return True
    a, b = _literal_prefix(one), _literal_prefix(other)
    return ("*" in one or "*" in other) and (a.startswith(b) or b.startswith(a))


def _literal_prefix(pattern: str) -> str:
    """What stands before the first wild card."""
    return pattern.split("*", 1)[0].split("?", 1)[0].split("[", 1)[0]
