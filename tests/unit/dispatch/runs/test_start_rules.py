"""What a run starts with, row by row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coworkd.core.model import AgentLimits, AgentSpec, Budget, Loop, SandboxLevel, TaskSpec
from coworkd.core.runs import AgentStart, EndedState, RunReason, RunSlot, RunUsage
from coworkd.dispatch.runs.start_rules import (
    MIN_TIMEOUT,
    budget_left,
    loop_to_run,
    lowest_free,
    lowest_level,
    round_to_run,
    run_timeout,
    run_to_continue,
    session_to_resume,
)
from coworkd.store import FinishedRun

LAST = FinishedRun(
    id="r1", task="a", attempt=1, agent="main", started=0.0,
    state=EndedState(at=1.0, reason=RunReason.DONE, kept_commit="work", tree="tree"),
    slot=RunSlot(number=1, base="base"), start=AgentStart(epoch=1, sandbox_level="bubblewrap"),
    session="s1",
)  # fmt: skip
CRASHED = replace(LAST.state, reason=RunReason.CRASHED)
ROUND = replace(LAST, iteration=3)
OF_LOOP = replace(ROUND, promise="DONE", max_rounds=5)
INTERRUPTED = replace(ROUND, state=replace(LAST.state, reason=RunReason.CANCELLED))


@pytest.mark.parametrize(
    ("last", "agent", "loop", "continued"),
    [
        (None, "main", False, False),
        (LAST, "main", False, True),
        (LAST, "other", False, False),
        (replace(LAST, session=""), "main", False, False),
        (replace(LAST, state=CRASHED), "main", False, False),
        (replace(LAST, state=replace(LAST.state, kept_commit="")), "main", True, False),
        (replace(LAST, slot=RunSlot(number=1)), "main", True, False),
        (ROUND, "other", True, True),
        (replace(ROUND, session="", state=CRASHED), "main", True, True),
        (replace(ROUND, session=""), "main", False, False),
    ],
)
def test_the_run_that_is_gone_on_with(last: FinishedRun | None, agent: str, loop: bool, continued: bool) -> None:
    assert run_to_continue(last, agent, loop=loop) == (last if continued else None)


@pytest.mark.parametrize(
    ("origin", "agent", "session"),
    [
        (None, "main", ""),
        (LAST, "main", "s1"),
        (LAST, "other", ""),
        (ROUND, "main", ""),
        (INTERRUPTED, "main", "s1"),
        (INTERRUPTED, "other", ""),
    ],
)
def test_the_session_that_is_resumed(origin: FinishedRun | None, agent: str, session: str) -> None:
    assert session_to_resume(origin, agent) == session


@pytest.mark.parametrize(
    ("last", "loop", "number"),
    [(None, False, 0), (ROUND, False, 0), (None, True, 1), (LAST, True, 1), (ROUND, True, 4), (INTERRUPTED, True, 3)],
)
def test_the_round_of_a_loop(last: FinishedRun | None, loop: bool, number: int) -> None:
    assert round_to_run(last, loop=loop) == number


@pytest.mark.parametrize(("taken", "free"), [((), 1), ((1, 2), 3), ((2, 3), 1), ((1, 3), 2)])
def test_the_lowest_slot_that_is_free(taken: tuple[int, ...], free: int) -> None:
    assert lowest_free(taken) == free


def test_a_run_that_once_had_no_sandbox_claims_none() -> None:
    assert lowest_level(LAST, SandboxLevel.LANDLOCK) is SandboxLevel.LANDLOCK
    assert lowest_level(LAST, SandboxLevel.NONE) is SandboxLevel.NONE
    assert (
        lowest_level(replace(LAST, start=AgentStart(sandbox_level="none")), SandboxLevel.LANDLOCK) is SandboxLevel.NONE
    )


NOTHING = Budget()


@pytest.mark.parametrize(
    ("run", "limit", "used", "left"),
    [
        (LAST, NOTHING, Budget(usd=1.0, tokens=5, minutes=2.0), NOTHING),
        (replace(LAST, reserved_usd=2.0), NOTHING, NOTHING, Budget(usd=2.0)),
        (
            replace(LAST, reserved_usd=2.0, usage=RunUsage(cost_usd=0.5)),
            Budget(usd=9.0),
            Budget(usd=8.0),
            Budget(usd=1.5),
        ),
        (replace(LAST, reserved_usd=2.0, usage=RunUsage(cost_usd=3.0)), NOTHING, NOTHING, Budget(usd=0.0)),
        (LAST, Budget(tokens=10, minutes=5.0), Budget(tokens=4, minutes=1.0), Budget(tokens=6, minutes=4.0)),
        (LAST, Budget(tokens=10, minutes=5.0), Budget(tokens=40, minutes=9.0), Budget(tokens=0, minutes=0.0)),
    ],
)
def test_what_a_start_may_use(run: FinishedRun, limit: Budget, used: Budget, left: Budget) -> None:
    assert budget_left(run, limit, used) == left


@pytest.mark.parametrize(
    ("agent", "task", "minutes", "seconds"),
    [
        (600.0, None, None, 600.0),
        (600.0, 60.0, None, 60.0),
        (600.0, 6000.0, None, 600.0),
        (600.0, 60.0, 0.5, 30.0),
        (600.0, 60.0, 0.0, MIN_TIMEOUT),
    ],
)
def test_the_time_a_run_may_work(agent: float, task: float | None, minutes: float | None, seconds: float) -> None:
    limits = AgentSpec(name="main", limits=AgentLimits(timeout=agent))
    assert run_timeout(limits, TaskSpec(title="a", timeout=task), Budget(minutes=minutes)) == seconds


@pytest.mark.parametrize(
    ("last", "attempt", "promise"),
    [
        (None, 1, "NEW"),
        (LAST, 1, "NEW"),
        (OF_LOOP, 1, "DONE"),
        (replace(OF_LOOP, state=INTERRUPTED.state), 1, "DONE"),
        (OF_LOOP, 2, "NEW"),
        (ROUND, 1, "NEW"),
    ],
)
def test_what_a_task_says_of_its_loop_counts_from_the_next_attempt_on(
    last: FinishedRun | None, attempt: int, promise: str
) -> None:
    loop = loop_to_run(last, attempt, Loop(promise="NEW", max_iterations=9))
    assert loop is not None
    assert loop.promise == promise


def test_a_loop_that_is_removed_goes_on_to_the_end_of_its_attempt() -> None:
    assert loop_to_run(OF_LOOP, 1, None) == Loop(promise="DONE", max_iterations=5)
    assert loop_to_run(OF_LOOP, 2, None) is None
    assert loop_to_run(LAST, 1, None) is None
