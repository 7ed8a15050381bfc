"""How long the phases of runs take, from the events that begin and end them.

Pure but for `read_durations`. A phase whose beginning is not among the events is left out: nothing is guessed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.event_kinds import EventKind
from coworkd.store import Database, EventRow
from coworkd.store.events import events_of_kinds


class Phase(StrEnum):
    """A part of what happens between a task that is ready and its landing."""

    QUEUE = "queue"
    """From `ready` until a run begins."""
    START = "start"
    """From there until the agent is set to work: its slot is made ready."""
    FIRST_BYTE = "first_byte"
    """From there until the agent's first event."""
    FIRST_TOKEN = "first_token"
    """From there until the first text of its reply."""
    RUN = "run"
    """While the agent is at work, its waits for people included."""
    WAIT = "wait"
    """From a question, a permission or a review until a person's answer."""
    VERIFY = "verify"
    """While a submission is merged and checked."""
    LAND = "land"
    """While a verified submission is brought into the integration branch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseDuration:
    """One phase of one run or task."""

    phase: Phase
    task: str
    agent: str
    """Empty: not known."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSummary:
    """Many durations of one phase, in seconds; None where there are none."""

    n: int
    median: float | None
    p90: float | None


_TASK = "task"

BEGINNINGS: Mapping[EventKind, Mapping[Phase, str]] = {
    EventKind.STATUS_CHANGED: {Phase.QUEUE: _TASK},
    EventKind.RUN_BEGUN: {Phase.START: "run"},
    EventKind.AGENT_STARTED: {Phase.FIRST_BYTE: "run", Phase.FIRST_TOKEN: "run", Phase.RUN: "run"},
    EventKind.REQUEST_ASKED: {Phase.WAIT: "request"},
    EventKind.VERIFYING: {Phase.VERIFY: "number"},
    EventKind.LANDING: {Phase.LAND: "number"},
}
"""By kind of event: the phases that begin with it, and the value of the event that their end has, too."""

ENDS: Mapping[EventKind, Mapping[Phase, str]] = {
    EventKind.RUN_BEGUN: {Phase.QUEUE: _TASK},
    EventKind.AGENT_STARTED: {Phase.START: "run"},
    EventKind.FIRST_OUTPUT: {Phase.FIRST_BYTE: "run"},
    EventKind.FIRST_TEXT: {Phase.FIRST_TOKEN: "run"},
    EventKind.AGENT_LEFT: {Phase.RUN: "run"},
    EventKind.AGENT_ENDED: {Phase.RUN: "run"},
    EventKind.REQUEST_ANSWERED: {Phase.WAIT: "request"},
    EventKind.VERIFIED: {Phase.VERIFY: "number"},
    EventKind.VERIFICATION_FAILED: {Phase.VERIFY: "number"},
    EventKind.HELD: {Phase.VERIFY: "number"},
    EventKind.CONFLICT: {Phase.VERIFY: "number"},
    EventKind.LANDED: {Phase.LAND: "number"},
}


def read_durations(db: Database, since: float) -> list[PhaseDuration]:
    """The phases that have begun since then and are over."""
    return durations(events_of_kinds(db, sorted(BEGINNINGS.keys() | ENDS.keys()), since))


def durations(events: Iterable[EventRow]) -> list[PhaseDuration]:
    """The phases that begin and end with these events, which are in their order."""
    begun: dict[tuple[Phase, str, str], float] = {}
    agents: dict[str, str] = {}
    found: list[PhaseDuration] = []
    for event in events:
        kind = EventKind(event.kind)
        data = json.loads(event.data)
        agents[event.task] = data.get("agent") or agents.get(event.task, "")
        for phase, name in ENDS.get(kind, {}).items():
            if (at := begun.pop((phase, event.task, str(data.get(name, ""))), None)) is not None:
                agent = agents[event.task]
                found.append(PhaseDuration(phase=phase, task=event.task, agent=agent, seconds=event.at - at))
        if kind is EventKind.STATUS_CHANGED and (data["new"] != "ready" or data["old"] == "ready"):
            continue
        for phase, name in BEGINNINGS.get(kind, {}).items():
            begun[phase, event.task, str(data.get(name, ""))] = event.at
    return found


def summarise(found: Sequence[PhaseDuration]) -> dict[Phase, PhaseSummary]:
    """Every phase, also one of which nothing is known."""
    return {phase: _summary([one.seconds for one in found if one.phase is phase]) for phase in Phase}


def _summary(seconds: Sequence[float]) -> PhaseSummary:
    ordered = sorted(seconds)
    return PhaseSummary(n=len(ordered), median=percentile(ordered, 0.5), p90=percentile(ordered, 0.9))


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest of these ascending values that at least this share of them does not exceed."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] if ordered else None
