"""What starts next, and why the rest does not.

Pure: the board as values in, actions with their reasons in words out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A task that would run if there were room for it."""

    task: str
    agent: str
    priority: float
    weight: int
    """Length of the chain of tasks that wait for it."""
    since: float
    """When it became ready, in seconds since the epoch."""
    touches: tuple[str, ...] = ()
    not_before: float = 0.0
    short: str = ""
    """What of its budget is used up; empty: there is something left."""
    short_until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """A task that is at work now."""

    task: str
    agent: str
    touches: tuple[str, ...] = ()
    waiting: bool = False
    """It waits for a person: its place counts as free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much may run at once."""

    total: int
    agents: Mapping[str, int]
    """Limits of single agents, where they have one."""
    halted: str = ""
    """Why nothing new starts at all; empty when it may."""
    halted_until: float | None = None
    """When to look again, where nobody tells that the halt is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRun:
    task: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """It does not start now, for this reason; `until` is when time alone may change that."""

    task: str
    reason: str
    until: float | None = None


Action = StartRun | Wait


def next_actions(ready: Sequence[Ready], busy: Sequence[Busy], room: Room, now: float) -> list[Action]:
    """Start what fits, in order of priority, then critical path, then age; say of the rest why it waits."""
    taken = list(busy)
    actions: list[Action] = []
    for task in sorted(ready, key=_order):
        why = _obstacle(task, taken, room, now)
        actions.append(why or StartRun(task=task.task, agent=task.agent))
        if why is None:
            taken.append(Busy(task=task.task, agent=task.agent, touches=task.touches))
    return actions


def _order(task: Ready) -> tuple[float, int, float, str]:
    return (task.priority, -task.weight, task.since, task.task)


def _obstacle(task: Ready, busy: Sequence[Busy], room: Room, now: float) -> Wait | None:
    if room.halted:
        return Wait(task=task.task, reason=room.halted, until=room.halted_until)
    if task.not_before > now:
        return Wait(task=task.task, reason="waits before its next attempt", until=task.not_before)
    if task.short:
        return Wait(task=task.task, reason=task.short, until=task.short_until)
    if full := crowded(task.agent, busy, room):
        return Wait(task=task.task, reason=full)
    overlap = next((other for other in busy if overlapping(task.touches, other.touches)), None)
    return Wait(task=task.task, reason=f"waits for {overlap.task}, which touches the same files") if overlap else None


def crowded(agent: str, busy: Sequence[Busy], room: Room) -> str:
    """Why there is no place for one more run of this agent; empty when there is."""
    at_work = [other for other in busy if not other.waiting]
    if len(at_work) >= room.total:
        return f"waits for a free place: {len(at_work)} of {room.total} are taken"
    limit = room.agents.get(agent)
    same = sum(other.agent == agent for other in at_work)
    return f"waits for agent {agent}: {same} of {limit} at work" if limit is not None and same >= limit else ""


def overlapping(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two sets of path patterns may mean the same file."""
    return any(_meet(a, b) for a in one for b in other)


def _meet(one: str, other: str) -> bool:
    if fnmatchcase(one, other) or fnmatchcase(other, one):
        return True
    a, b = _stem(one), _stem(other)
    return ("*" in one or "*" in other) and (a.startswith(b) or b.startswith(a))


def _stem(pattern: str) -> str:
    """What stands before the first wild card."""
    return pattern.split("*", 1)[0].split("?", 1)[0].split("[", 1)[0]
