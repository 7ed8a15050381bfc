"""What the end of an agent means for its run, row by row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coworkd.agents.port import Ended, EndReason
from coworkd.core.runs import RunSlot, StopRequest, WorkingState
from coworkd.dispatch.runs.agent_end_rules import (
    RunAfterAgent,
    attributed_end,
    may_be_the_machine,
    remaining_stop,
    run_after_agent,
)
from coworkd.store import RunRow

RUN = RunRow(
    id="r1", task="a", attempt=1, agent="main", state=WorkingState(), started=0.0, slot=RunSlot(number=1, base="base"),
)  # fmt: skip
LOST = replace(RUN, stop=StopRequest.LOST)
IN_SESSION = replace(LOST, session="s1")
OVER_BUDGET = replace(RUN, stop=StopRequest.BUDGET)
CANCELLED = replace(RUN, stop=StopRequest.USER)


@pytest.mark.parametrize(
    ("run", "reason", "undelivered", "pending", "follows"),
    [
        (RUN, EndReason.DONE, False, False, RunAfterAgent.ENDS),
        (RUN, EndReason.DONE, False, True, RunAfterAgent.WAITS),
        (RUN, EndReason.DONE, True, False, RunAfterAgent.WAITS),
        (RUN, EndReason.UNAVAILABLE, False, True, RunAfterAgent.WAITS),
        (RUN, EndReason.FAILED, True, True, RunAfterAgent.ENDS),
        (RUN, EndReason.CRASHED, False, True, RunAfterAgent.ENDS),
        (CANCELLED, EndReason.DONE, True, True, RunAfterAgent.ENDS),
        (LOST, EndReason.CRASHED, False, True, RunAfterAgent.WAITS),
        (LOST, EndReason.CRASHED, True, False, RunAfterAgent.ENDS),
        (IN_SESSION, EndReason.CRASHED, False, False, RunAfterAgent.RESUMES),
        (IN_SESSION, EndReason.CANCELLED, False, False, RunAfterAgent.RESUMES),
        (IN_SESSION, EndReason.DONE, False, False, RunAfterAgent.ENDS),
        (IN_SESSION, EndReason.CRASHED, False, True, RunAfterAgent.WAITS),
        (replace(RUN, session="s1"), EndReason.CRASHED, False, False, RunAfterAgent.ENDS),
    ],
)
def test_how_a_run_goes_on(
    run: RunRow, reason: EndReason, undelivered: bool, pending: bool, follows: RunAfterAgent
) -> None:
    assert run_after_agent(run, Ended(reason=reason), undelivered=undelivered, pending=pending) is follows


@pytest.mark.parametrize(
    ("run", "end", "fault", "reason", "message", "recorded"),
    [
        (RUN, Ended(reason=EndReason.FAILED, message="no"), "", EndReason.FAILED, "no", ""),
        (RUN, Ended(reason=EndReason.FAILED, message="no"), "disk full", EndReason.MACHINE, "disk full", "disk full"),
        (RUN, Ended(reason=EndReason.STALLED, fault="full"), "", EndReason.MACHINE, "full", "full"),
        (replace(RUN, fault="full"), Ended(reason=EndReason.CRASHED), "", EndReason.MACHINE, "full", "full"),
        (RUN, Ended(reason=EndReason.DONE), "disk full", EndReason.DONE, "", "disk full"),
        (LOST, Ended(reason=EndReason.CRASHED), "disk full", EndReason.CRASHED, "", "disk full"),
    ],
)
def test_what_an_agent_failed_for(
    run: RunRow, end: Ended, fault: str, reason: EndReason, message: str, recorded: str
) -> None:
    found = attributed_end(run, end, fault)
    assert (found.reason, found.message, found.fault) == (reason, message, recorded)
    assert not (reason is EndReason.MACHINE and not may_be_the_machine(run, end))


@pytest.mark.parametrize(
    ("run", "reason", "stop"),
    [
        (RUN, EndReason.DONE, StopRequest.NONE),
        (CANCELLED, EndReason.DONE, StopRequest.USER),
        (LOST, EndReason.DONE, StopRequest.NONE),
        (LOST, EndReason.FAILED, StopRequest.NONE),
        (LOST, EndReason.CRASHED, StopRequest.LOST),
        (OVER_BUDGET, EndReason.DONE, StopRequest.NONE),
        (OVER_BUDGET, EndReason.CANCELLED, StopRequest.BUDGET),
    ],
)
def test_a_request_to_stop_that_the_agent_ended_without(run: RunRow, reason: EndReason, stop: StopRequest) -> None:
    assert remaining_stop(run, Ended(reason=reason)) is stop
