"""What a stress run does, made from a seed: the tasks, how each of them has to end, and the faults with their times.

Pure. The same seed and sizes always make the same scenario.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Behaviour(StrEnum):
    """What the agent of a task does."""

    WORK = "work"
    """Adds one line to the file of its task, and commits."""
    FAIL_ONCE = "fail-once"
    """Its first attempt ends with exit code 1."""
    FAIL = "fail"
    """Every attempt ends with exit code 1."""
    STALL_ONCE = "stall-once"
    """Its first attempt says nothing until it is ended."""
    IDLE_ONCE = "idle-once"
    """Its first attempt ends with success and has changed nothing."""
    RED_ONCE = "red-once"
    """Its first attempt submits what the verification rejects."""
    COLLIDE = "collide"
    """Adds a line to a file that others add lines to as well: conflicts go back to it."""
    LEAVE = "leave"
    """Works, and leaves a process behind that has a session and an environment of its own."""
    FORK = "fork"
    """Works, and begins to start processes without end; used where the number of its processes is bounded."""


class StressFault(StrEnum):
    """What happens to the machine while agents work."""

    KILL_DAEMON = "kill daemon"
    KILL_WORKER = "kill worker"
    KILL_AGENT = "kill agent"
    STOP_DAEMON = "stop daemon"
    """SIGSTOP, and SIGCONT a moment later."""
    STOP_WORKER = "stop worker"
    FILL_DISK = "fill disk"
    """No byte is free on the file system of the state folder, for a moment."""


class RequiredEnd(StrEnum):
    """How a task has to end."""

    LANDED = "landed"
    FAILED = "failed"
    BLOCKED = "blocked"
    """It never runs: what it depends on has failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StressTask:
    """One task, and what it is there for."""

    id: str
    behaviour: Behaviour
    seconds: float
    """How long its agent works."""
    depends_on: tuple[str, ...] = ()
    priority: str = "medium"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledFault:
    """One fault, so many seconds after the start."""

    at: float
    kind: StressFault


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All that a stress run does by itself."""

    seed: int
    agents: int
    """How many may be at work at once."""
    seconds: float
    """In which everything should come to its end; faults happen in the first part of it."""
    tasks: tuple[StressTask, ...]
    faults: tuple[ScheduledFault, ...]


LEAST_WORK, MOST_WORK, WORK_PER_AGENT = 0.5, 3.0, 0.75
"""Seconds that an agent works at least, and at most; the latter grows with the agents.

Two cores start about two agents a second: with 200 agents each has to work for a minute on average, or most of the 200
never work at the same time.
"""
FAULT_SHARE, FAULT_SECONDS_PER_TASK = 0.6, 2.0
"""Faults happen in this first part of the time, and while there is work: the rest is there to come to an end."""
LEAST_FAULT_PAUSE, FAULT_PAUSE_SHARE = 6.0, 0.2
"""Seconds between two faults, on average: at least so many, and this share of the longest work.

Each sixth fault ends the daemon with all that runs, so that with shorter pauses long work would never end.
"""

_WEIGHTS = {
    Behaviour.WORK: 60, Behaviour.FAIL_ONCE: 8, Behaviour.FAIL: 3, Behaviour.STALL_ONCE: 3, Behaviour.IDLE_ONCE: 4,
    Behaviour.RED_ONCE: 6, Behaviour.COLLIDE: 6, Behaviour.LEAVE: 6, Behaviour.FORK: 4,
}  # fmt: skip
_DEPENDENT_SHARE = 0.4
_PRIORITIES = ("urgent", "high", "medium", "medium", "low")


def make_scenario(
    seed: int, *, tasks: int, agents: int, seconds: float, left_out: frozenset[Behaviour | StressFault] = frozenset()
) -> Scenario:
    """The scenario of a seed, without what cannot be kept away from the rest of this machine."""
    chance = Random(seed)
    made: list[StressTask] = []
    for number in range(tasks):
        made.append(_task(chance, number, made, agents, left_out))
    return Scenario(
        seed=seed,
        agents=agents,
        seconds=seconds,
        tasks=tuple(made),
        faults=_faults(
            chance,
            min(seconds * FAULT_SHARE, tasks * FAULT_SECONDS_PER_TASK),
            most_work(agents) * FAULT_PAUSE_SHARE,
            left_out,
        ),
    )


def most_work(agents: int) -> float:
    """The longest that an agent works, in seconds, where so many may work at once."""
    return max(MOST_WORK, WORK_PER_AGENT * agents)


def _task(
    chance: Random, number: int, earlier: list[StressTask], agents: int, left_out: frozenset[Behaviour | StressFault]
) -> StressTask:
    # The first of each kind come in order, so that a small run has one of each.
    kinds = [kind for kind in Behaviour if kind not in left_out]
    weights = [_WEIGHTS[kind] for kind in kinds]
    return StressTask(
        id=f"task-{number:04d}",
        behaviour=kinds[number] if number < len(kinds) else chance.choices(kinds, weights)[0],
        seconds=round(chance.uniform(LEAST_WORK, most_work(agents)), 1),
        depends_on=_dependencies(chance, earlier),
        priority=chance.choice(_PRIORITIES),
    )


def _dependencies(chance: Random, earlier: list[StressTask]) -> tuple[str, ...]:
    if not earlier or chance.random() >= _DEPENDENT_SHARE:
        return ()
    chosen = chance.choices(earlier, k=chance.randint(1, 2))
    return tuple(sorted({task.id for task in chosen}))


def _faults(
    chance: Random, seconds: float, pause: float, left_out: frozenset[Behaviour | StressFault]
) -> tuple[ScheduledFault, ...]:
    kinds = [kind for kind in StressFault if kind not in left_out]
    count = max(len(kinds), int(seconds / max(LEAST_FAULT_PAUSE, pause)))
    chosen = [kinds[number % len(kinds)] for number in range(count)]
    chance.shuffle(chosen)
    times = sorted(chance.uniform(1.0, seconds) for _ in chosen)
    return tuple(ScheduledFault(at=round(at, 1), kind=kind) for at, kind in zip(times, chosen, strict=True))


def required_ends(tasks: Iterable[StressTask]) -> dict[str, RequiredEnd]:
    """How each task has to end, by its id. Tasks come after what they depend on."""
    ends: dict[str, RequiredEnd] = {}
    for task in tasks:
        blocked = any(ends[needed] is not RequiredEnd.LANDED for needed in task.depends_on)
        failed = task.behaviour is Behaviour.FAIL
        ends[task.id] = RequiredEnd.BLOCKED if blocked else RequiredEnd.FAILED if failed else RequiredEnd.LANDED
    return ends
