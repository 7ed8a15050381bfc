"""The tables of runs, loops, submissions and requests, walked."""

from __future__ import annotations

from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from coworkd.core.loop_states import LOOP_STATES, LoopState, loop_state
from coworkd.core.model import Status
from coworkd.core.request_states import PENDING_STATES, REQUEST_STATES, RequestState
from coworkd.core.run_states import LIVE_STATES, RUN_STATES, RunState
from coworkd.core.runs import StopRequest
from coworkd.core.state_machine import StateMachine
from coworkd.core.step_states import STEP_STATES
from coworkd.core.submission_states import (
    IN_QUEUE,
    PENDING_SUBMISSION_STATES,
    SUBMISSION_STATES,
    VERIFIABLE,
    SubmissionState,
)

MACHINES: list[StateMachine[Any]] = [RUN_STATES, LOOP_STATES, REQUEST_STATES, SUBMISSION_STATES, STEP_STATES]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_has_a_row_and_can_be_reached(machine: StateMachine[Any]) -> None:
    every: frozenset[StrEnum] = frozenset(type(machine.start).__members__.values())
    assert machine.moves.keys() == every
    assert machine.reachable() == every


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_that_is_not_final_leads_to_one_that_is(machine: StateMachine[Any]) -> None:
    for state in machine.moves:
        onward = StateMachine(name=machine.name, start=state, moves=machine.moves)
        assert onward.reachable() & machine.final


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_a_thing_may_stay_or_follow_its_table(machine: StateMachine[Any]) -> None:
    for current, to in product(machine.moves, machine.moves):
        allowed = current is to or to in machine.moves[current]
        assert machine.allows(current, to) is allowed
        assert bool(machine.refusal_reason(current, to)) is not allowed


def test_a_refusal_says_what_may_follow() -> None:
    reason = RUN_STATES.refusal_reason(RunState.SUBMITTING, RunState.WORKING)
    assert reason == "a run that is submitting cannot become working; what may follow is: preparing, ended"


def test_only_a_run_that_has_ended_is_over() -> None:
    assert RUN_STATES.final == {RunState.ENDED}
    assert RunState.ENDED not in LIVE_STATES


def test_a_void_request_stays_void_and_only_pending_ones_can_be_made_void() -> None:
    assert REQUEST_STATES.final == {RequestState.VOID}
    assert {state for state in RequestState if RequestState.VOID in REQUEST_STATES.moves[state]} == PENDING_STATES


def test_what_landed_stays_landed_and_everything_else_may_be_found_to_have() -> None:
    assert SUBMISSION_STATES.final == {SubmissionState.LANDED}
    for state in set(SubmissionState) - {SubmissionState.LANDED}:
        assert SUBMISSION_STATES.allows(state, SubmissionState.LANDED)


def test_every_pending_submission_can_be_taken_out_of_the_queue() -> None:
    assert {
        state for state in SubmissionState if SubmissionState.RETIRED in SUBMISSION_STATES.moves[state]
    } == PENDING_SUBMISSION_STATES
    assert IN_QUEUE < VERIFIABLE < PENDING_SUBMISSION_STATES


@pytest.mark.parametrize(
    ("status", "run", "stop", "state"),
    [
        (Status.READY, None, StopRequest.NONE, LoopState.IDLE),
        (Status.RUNNING, RunState.PREPARING, StopRequest.NONE, LoopState.RUNNING),
        (Status.WAITING, RunState.WAITING, StopRequest.NONE, LoopState.RUNNING),
        (Status.RUNNING, RunState.WORKING, StopRequest.SHUTDOWN, LoopState.PAUSING),
        (Status.PAUSED, RunState.WORKING, StopRequest.USER, LoopState.PAUSING),
        (Status.READY, RunState.WORKING, StopRequest.USER, LoopState.PAUSING),
        (Status.PAUSED, None, StopRequest.NONE, LoopState.PAUSED),
        (Status.CANCELLED, RunState.SUBMITTING, StopRequest.USER, LoopState.STOPPING),
        (Status.MERGING, None, StopRequest.NONE, LoopState.VERIFYING),
        (Status.FAILED, None, StopRequest.NONE, LoopState.ENDED),
        (Status.DONE, RunState.ENDED, StopRequest.NONE, LoopState.ENDED),
    ],
)
def test_where_a_loop_stands_follows_from_its_task_and_its_run(
    status: Status, run: RunState | None, stop: StopRequest, state: LoopState
) -> None:
    assert loop_state(status, run, stop) is state
