"""What starts next, and why the rest does not.

Pure: the board as values in, actions with their reasons out. `postponement` is the one rule that says whether a run
may be at work: new runs, runs that go on after an answer, and runs that resolve a conflict are all put to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

MAX_FAILURES = 5
"""Runs of an agent in a row that fail at once, of any tasks: after the last of them it is stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A run that is to start or to go on."""

    task: str
    agent: str
    touches: tuple[str, ...] = ()
    not_before: float = 0.0
    blocked_reason: str = ""
    """Why it may not start whatever else is at work: budget, agent; empty when it may."""
    blocked_until: float | None = None
    """When time alone may end that."""
    needs_slot: bool = True
    """A slot has to be made ready for it; a run that goes on has its slot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCandidate(RunRequest):
    """A ready task that would run if there were capacity."""

    priority: float
    chain_length: int
    """Length of the chain of tasks that wait for it."""
    since: float
    """When it became ready, in seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveRun:
    """A run that is not over."""

    task: str
    agent: str
    touches: tuple[str, ...] = ()
    waiting: bool = False
    """It waits for a person and does not count against any limit; its files stay its own."""
    preparing: bool = False
    """Its slot is being made ready."""
    tested_at: float = math.inf
    """When it will have been at work for long enough not to have failed at once; infinite before its agent started."""
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How much may run at once."""

    total: int
    per_agent: Mapping[str, int]
    """Limits of single agents, where they have one."""
    failures: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many runs in a row have failed at once, by agent; a stopped one is not among them."""
    halt_reason: str = ""
    """Why nothing may start or go on at all; empty when it may."""
    slots_halt_reason: str = ""
    """Why no slot can be made ready; empty when that may be tried."""
    halt_until: float | None = None
    """When to look again, where no event tells that the halt is over."""
    one_slot_at_a_time: bool = False
    """Slots could not be made ready before: one run finds out whether they can again."""


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
    candidates: Sequence[StartCandidate], active: Sequence[ActiveRun], capacity: Capacity, now: float
) -> list[Action]:
    """Start what fits, in order of priority, then critical path, then age; say of the rest why it waits."""
    taken = list(active)
    actions: list[Action] = []
    for candidate in sorted(candidates, key=_sort_key):
        postponed = postponement(candidate, taken, capacity, now)
        actions.append(postponed or StartRun(task=candidate.task, agent=candidate.agent))
        if postponed is None:
            taken.append(
                ActiveRun(task=candidate.task, agent=candidate.agent, touches=candidate.touches, preparing=True)
            )
    return actions


def _sort_key(candidate: StartCandidate) -> tuple[float, int, float, str]:
    return (candidate.priority, -candidate.chain_length, candidate.since, candidate.task)


def postponement(request: RunRequest, active: Sequence[ActiveRun], capacity: Capacity, now: float) -> Postponed | None:
    """Why this run may not be at work now; None when it may. `active` are the other runs."""
    halt = capacity.halt_reason or (capacity.slots_halt_reason if request.needs_slot else "")
    if halt:
        return Postponed(task=request.task, reason=halt, until=capacity.halt_until)
    if request.not_before > now:
        return Postponed(task=request.task, reason="waits before its next attempt", until=request.not_before)
    if request.blocked_reason:
        return Postponed(task=request.task, reason=request.blocked_reason, until=request.blocked_until)
    reason = capacity_reason(request, active, capacity) or _overlap_reason(request, active)
    if reason:
        return Postponed(task=request.task, reason=reason)
    return _tested_first(request, active, capacity, now)


def _tested_first(request: RunRequest, active: Sequence[ActiveRun], capacity: Capacity, now: float) -> Postponed | None:
    """No more runs of an agent that fails at once are begun together than may fail before it is stopped."""
    failures = capacity.failures.get(request.agent, 0)
    if not failures:
        return None
    untested = [
        other.tested_at
        for other in active
        if other.agent == request.agent and not other.waiting and other.tested_at > now
    ]
    if len(untested) < MAX_FAILURES - failures:
        return None
    runs = "run" if failures == 1 else f"{failures} runs"
    reason = f"waits to see whether agent {request.agent} works: its last {runs} failed at once"
    until = min(untested, default=math.inf)
    return Postponed(task=request.task, reason=reason, until=until if until < math.inf else None)


def capacity_reason(request: RunRequest, active: Sequence[ActiveRun], capacity: Capacity) -> str:
    """Why the limits leave no place for this run; empty when they do."""
    at_work = [other for other in active if not other.waiting]
    if len(at_work) >= capacity.total:
        return f"waits for a free place: {len(at_work)} of {capacity.total} are taken"
    limit = capacity.per_agent.get(request.agent)
    same = sum(other.agent == request.agent for other in at_work)
    if limit is not None and same >= limit:
        return f"waits for agent {request.agent}: {same} of {limit} at work"
    trying = next((other for other in at_work if other.preparing), None) if capacity.one_slot_at_a_time else None
    if trying is not None and request.needs_slot:
        return f"waits for {trying.task}, which tries whether slots can be made ready again"
    return ""


def _overlap_reason(request: RunRequest, active: Sequence[ActiveRun]) -> str:
    overlap = next((other for other in active if overlapping(request.touches, other.touches)), None)
    return f"waits for {overlap.task}, which touches the same files" if overlap else ""


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
