"""Whether a run may be at work now, and why not.

Pure: values in, reasons in words out. `postponement` is the one rule for new runs, runs that go on after an answer, and
runs that resolve a conflict. Its parts are apart from each other for `ready_queue`, which asks what holds for every
task, or for every task of an agent, once for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

MAX_FAILURES = 5
"""Runs of an agent in a row that fail at once, of any tasks: after the last of them it is stopped."""

MEMORY_FLOOR = 256 * 2**20
"""Bytes that are left free when a run begins beside another."""
MEMORY_OF_A_RUN = 128 * 2**20
"""Bytes that a run is taken to use once it has been at work for a while."""
MEMORY_PAUSE = 2.0
"""Seconds until memory is looked at again: no event tells that some has become free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A run that is to start or to go on."""

    task: str
    agent: str
    provider: str = ""
    """Of its agent's model; empty: not known."""
    touches: tuple[str, ...] = ()
    not_before: float = 0.0
    blocked_reason: str = ""
    """Why its agent may not be used, whatever else is at work; empty when it may."""
    blocked_until: float | None = None
    """When time alone may end that."""
    needs_slot: bool = True
    """A slot has to be made ready for it; a run that goes on has its slot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveRun:
    """A run that is not over."""

    task: str
    agent: str
    provider: str = ""
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
    per_provider: Mapping[str, int] = field(default_factory=dict[str, int])
    """Limits of providers, where they have one."""
    memory: int | None = None
    """Bytes that are free on this machine; None: not known."""
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

    reason: str
    until: float | None = None


def postponement(request: RunRequest, active: Sequence[ActiveRun], capacity: Capacity, now: float) -> Postponed | None:
    """Why this run may not be at work now; None when it may. `active` are the other runs."""
    return (
        halt_postponement(capacity, needs_slot=request.needs_slot)
        or own_postponement(request, active, now)
        or agent_postponement(request, active, capacity, now)
        or full_postponement(active, capacity)
    )


# ---- what holds for every run


def halt_postponement(capacity: Capacity, *, needs_slot: bool = True) -> Postponed | None:
    """Why nothing begins, whatever is at work; None when something may."""
    reason = capacity.halt_reason or (capacity.slots_halt_reason if needs_slot else "")
    return Postponed(reason=reason, until=capacity.halt_until) if reason else None


def full_postponement(active: Sequence[ActiveRun], capacity: Capacity) -> Postponed | None:
    """Why no run may begin while so many are at work; None when a place is free."""
    at_work = sum(not other.waiting for other in active)
    if at_work < capacity.total:
        return None
    return Postponed(reason=f"waits for a free place: {at_work} of {capacity.total} are taken")


# ---- what holds for every run of an agent


def agent_postponement(
    request: RunRequest, active: Sequence[ActiveRun], capacity: Capacity, now: float
) -> Postponed | None:
    """Why no run of the agent may begin now, whatever its task."""
    if request.blocked_reason:
        return Postponed(reason=request.blocked_reason, until=request.blocked_until)
    reason = _limit_reason(request, active, capacity)
    if reason:
        return Postponed(reason=reason)
    return _untested_postponement(request, active, capacity, now) or _memory_postponement(active, capacity, now)


def _limit_reason(request: RunRequest, active: Sequence[ActiveRun], capacity: Capacity) -> str:
    at_work = [other for other in active if not other.waiting]
    limit = capacity.per_agent.get(request.agent)
    same = sum(other.agent == request.agent for other in at_work)
    if limit is not None and same >= limit:
        return f"waits for agent {request.agent}: {same} of {limit} at work"
    provider, provider_limit = request.provider, capacity.per_provider.get(request.provider)
    by_provider = sum(other.provider == provider for other in at_work)
    if provider_limit is not None and by_provider >= provider_limit:
        return f"waits for provider {provider}: {by_provider} of {provider_limit} runs at work"
    trying = next((other for other in at_work if other.preparing), None) if capacity.one_slot_at_a_time else None
    if trying is not None and request.needs_slot:
        return f"waits for {trying.task}, which tries whether slots can be made ready again"
    return ""


def _untested_postponement(
    request: RunRequest, active: Sequence[ActiveRun], capacity: Capacity, now: float
) -> Postponed | None:
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
    return Postponed(reason=reason, until=until if until < math.inf else None)


def _memory_postponement(active: Sequence[ActiveRun], capacity: Capacity, now: float) -> Postponed | None:
    """A run begins only where memory is left for it, and for those that have just begun; one may always begin."""
    at_work = [other for other in active if not other.waiting]
    if capacity.memory is None or not at_work:
        return None
    begun = sum(other.tested_at > now for other in at_work)
    if capacity.memory - (begun + 1) * MEMORY_OF_A_RUN >= MEMORY_FLOOR:
        return None
    reason = f"waits for memory: {capacity.memory / 1e9:.1f} GB are free, and {begun} at work have just begun"
    return Postponed(reason=reason, until=now + MEMORY_PAUSE)


# ---- what holds for this run alone


def own_postponement(request: RunRequest, active: Sequence[ActiveRun], now: float) -> Postponed | None:
    """Why this run may not begin, whatever its agent and however many are at work."""
    if request.not_before > now:
        return Postponed(reason="waits before its next attempt", until=request.not_before)
    # Runs of one task work in slots of their own, and one change of theirs lands.
    other = overlapping_run(request.touches, [run for run in active if run.task != request.task])
    return Postponed(reason=f"waits for {other.task}, which touches the same files") if other else None


def overlapping_run(touches: Sequence[str], active: Sequence[ActiveRun]) -> ActiveRun | None:
    """A run whose files may be among these; one that waits for a person keeps its files."""
    return next((other for other in active if patterns_overlap(touches, other.touches)), None) if touches else None


def patterns_overlap(patterns: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two sets of path patterns may mean the same file."""
    return any(_pattern_overlaps(a, b) for a in patterns for b in others)


def _pattern_overlaps(one: str, other: str) -> bool:
    if fnmatchcase(one, other) or fnmatchcase(other, one):
        return True
    a, b = _literal_prefix(one), _literal_prefix(other)
    return ("*" in one or "*" in other) and (a.startswith(b) or b.startswith(a))


def _literal_prefix(pattern: str) -> str:
    """What stands before the first wild card."""
    return pattern.split("*", 1)[0].split("?", 1)[0].split("[", 1)[0]
