"""A loop whose daemon is killed at any step of any round: it goes on with that round; none is done twice, none left out.

The steps of a turn are made one by one, and the daemon is killed after one of them, for every one there is: while the
slot is made ready, while the agent works, when it has ended, while its work is brought in, between two rounds, while what
is promised is verified, and when that was red.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import AgentEvent, Assignment, SessionStarted, TextWritten
from coworkd.agents.testing import ScriptSteps
from coworkd.core.loop_states import LOOP_STATES, LoopState, loop_state
from coworkd.core.model import Status
from coworkd.core.runs import INTERRUPTED_REASONS, RunReason
from coworkd.store import StopRequest, SubmissionRow, SubmissionState, TaskRow
from coworkd.store.runs import live_runs_of
from tests.integration.dispatchkit import Bench

SAID = {1: "found the parser", 2: "PROMISED, wrongly", 3: "PROMISED"}
"""What the agent says in each round: the second is verified and red, the third is what lands."""
MOST_STEPS = 45
"""More steps than the loop takes without a kill; a test says so."""


class Rounds:
    """The agent: it says what belongs to the round that its prompt names."""

    def __init__(self, *, sessions: bool) -> None:
        self.sessions = sessions

    def __call__(self, order: Assignment) -> ScriptSteps:
        if self.sessions:
            yield SessionStarted(session=f"s-{order.run}")
        yield None  # it is at work for a while, so that it can be lost
        yield said(order)


def said(order: Assignment) -> AgentEvent:
    (number,) = [number for number in SAID if f"This is round {number} of at most" in order.prompt]
    return TextWritten(text=SAID[number])


def steps(bench: Bench) -> tuple[Callable[[], object], ...]:
    """The steps of a turn; jobs and agents go on beside them."""
    return (
        lambda: bench.place.turn(1.0),
        lambda: bench.dispatch.step(bench.now),
        lambda: bench.dispatch.start(bench.now),
        bench.finish_jobs,
        lambda: [bench.executor.deliver(run, "go", "on") for run in bench.executor.alive()],
        lambda: judge(bench),
    )


def judge(bench: Bench) -> None:
    """The merge queue: the first submission is red."""
    row = latest(bench)
    if row is not None and row.number == 1 and row.state is SubmissionState.QUEUED:
        bench.queue(SubmissionState.RED, "FAILED test_a")


def latest(bench: Bench) -> SubmissionRow | None:
    return bench.db.one(SubmissionRow, "task = 'a' ORDER BY number DESC")


def stands(bench: Bench) -> LoopState:
    """Where the loop stands by the table."""
    (run,) = live_runs_of(bench.db, "a") or [None]
    status = next((row.status for row in bench.db.all(TaskRow)), Status.DRAFT)
    if status is Status.DRAFT:
        return LOOP_STATES.start  # the file has just been seen, and its `ready` not yet
    return loop_state(status, run.state.kind if run else None, run.stop if run else StopRequest.NONE)


def play(bench: Bench, killed_after: int) -> int:
    """The whole loop, with the daemon killed after so many steps; returns how many there were."""
    bench.config("")
    bench.agent()
    bench.task(loop="{promise: PROMISED, max_iterations: 9}")
    for count in range(1, 4 * MOST_STEPS):
        before = stands(bench)
        steps(bench)[count % len(steps(bench))]()
        assert not LOOP_STATES.refusal_reason(before, stands(bench))
        assert len(live_runs_of(bench.db, "a")) <= 1
        if count == killed_after:
            bench.crash()
        if (submitted := latest(bench)) is not None and submitted.number == 2:
            return count
    raise AssertionError(f"it stands still: {bench.status()}, {bench.reason()}")


@pytest.fixture(params=[True, False], ids=["sessions", "no-sessions"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, Rounds(sessions=request.param))
    yield bench
    bench.close()


@pytest.mark.parametrize("killed_after", range(1, MOST_STEPS))
def test_every_round_is_done_once_in_order_wherever_the_daemon_is_killed(bench: Bench, killed_after: int) -> None:
    play(bench, killed_after)
    rounds = [run for run in bench.ended() if run.state.reason not in INTERRUPTED_REASONS]
    assert [run.iteration for run in rounds] == list(SAID)
    assert [run.state.reason for run in rounds] == [RunReason.DONE, RunReason.VERIFICATION_FAILED, RunReason.DONE]
    assert [run.reply for run in rounds] == list(SAID.values())
    started_from = {order.run: order.restore for order in bench.slots}
    assert [started_from[run.id] for run in rounds[1:]] == [run.state.kept_commit for run in rounds[:-1]]
    assert {run.attempt for run in rounds} == {1}
    assert [row.number for row in bench.db.all(SubmissionRow, "task = 'a'")] == [1, 2]


def test_the_kills_reach_every_step(bench: Bench) -> None:
    assert play(bench, killed_after=0) <= MOST_STEPS
    assert [run.iteration for run in bench.runs()] == list(SAID)
