"""What a run starts with: whose work and session it goes on with, its round, slot, time and budget. Pure."""

from __future__ import annotations

from collections.abc import Collection

from coworkd.core.model import AgentSpec, Budget, Loop, SandboxLevel, TaskSpec
from coworkd.core.runs import INTERRUPTED_REASONS, RESUMABLE_REASONS
from coworkd.store import FinishedRun, RunRow

NO_LOOP = Loop(promise="", max_iterations=0)
"""Stands in the row of a run that is no round of a loop."""

MIN_TIMEOUT = 1.0
"""Seconds that a run gets at least where minutes are all but used up; the report of its usage ends it then."""


def run_to_continue(last: FinishedRun | None, agent: str, *, loop: bool) -> FinishedRun | None:
    """The run whose work is gone on with: the round before, or one whose session this agent takes up again.

    `last` is the run of the task before this one; None where the task starts from nothing.
    """
    if last is None or not (last.slot.base and last.state.kept_commit):
        return None
    if last.iteration and loop:
        return last
    return last if last.session and last.agent == agent and last.state.reason in RESUMABLE_REASONS else None


def session_to_resume(origin: FinishedRun | None, agent: str) -> str:
    """Each round of a loop has a session of its own, which outlives an interruption; empty: a new session."""
    if origin is None or origin.agent != agent or (origin.iteration and origin.state.reason not in INTERRUPTED_REASONS):
        return ""
    return origin.session


def round_to_run(last: FinishedRun | None, *, loop: bool) -> int:
    """Which round of the task's loop comes next; 0: there is no loop. One that was interrupted is run again."""
    if not loop:
        return 0
    return (last.iteration if last.state.reason in INTERRUPTED_REASONS else last.iteration + 1) if last else 1


def loop_of(run: RunRow) -> Loop | None:
    """The loop that a run is a round of; None: of none."""
    if not (run.iteration and run.promise):
        return None
    return Loop(
        promise=run.promise, max_iterations=run.max_rounds, give_up=run.give_up, delay=run.round_delay
    )  # fmt: skip


def loop_to_run(last: RunRow | None, attempt: int, written: Loop | None) -> Loop | None:
    """The loop of a new run: that of its attempt so far. What the task says now counts from the next attempt on."""
    same_attempt = last is not None and last.attempt == attempt
    return (loop_of(last) if last and same_attempt else None) or written


def lowest_free(taken: Collection[int]) -> int:
    """The lowest number of a slot that no run uses."""
    return next(number for number in range(1, len(taken) + 2) if number not in taken)


def lowest_level(run: RunRow, level: SandboxLevel) -> SandboxLevel:
    """The sandbox level that the record of a run may claim when it starts at `level`: none, if it ever had none."""
    return SandboxLevel.NONE if run.start.sandbox_level == SandboxLevel.NONE else level


def budget_left(run: RunRow, limit: Budget, used: Budget) -> Budget:
    """What this start may use, of what was reserved for the run and of the task's own limits; None: no bound."""
    return Budget(
        usd=None if run.reserved_usd is None else max(run.reserved_usd - (run.usage.cost_usd or 0.0), 0.0),
        tokens=None if limit.tokens is None else max(limit.tokens - (used.tokens or 0), 0),
        minutes=None if limit.minutes is None else max(limit.minutes - (used.minutes or 0.0), 0.0),
    )


def run_timeout(agent: AgentSpec, spec: TaskSpec, left: Budget) -> float:
    """Seconds a run may work: the task's `timeout` within the agent's limit, and what is left of the task's minutes."""
    minutes = None if left.minutes is None else max(left.minutes * 60, MIN_TIMEOUT)
    return min(bound for bound in (agent.limits.timeout, spec.timeout, minutes) if bound)
