"""What the end of an agent means for its run: over, waiting for an answer, or to be taken up again. Pure."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto

from coworkd.agents.port import Ended, EndReason
from coworkd.core.runs import StopRequest
from coworkd.store import RunRow

_CUT_SHORT = (EndReason.CRASHED, EndReason.CANCELLED)

_MAY_BE_THE_MACHINE = (EndReason.FAILED, EndReason.CRASHED, EndReason.TIMED_OUT, EndReason.STALLED)
"""Ends that an agent also comes to where no file can be written."""


class RunAfterAgent(Enum):
    """How a run goes on when its agent is gone."""

    WAITS = auto()
    """It has asked something, and goes on with the answer."""
    RESUMES = auto()
    """It was lost with the daemon, but has a session: it goes on with that in its slot as it was left."""
    ENDS = auto()


def run_after_agent(run: RunRow, end: Ended, *, undelivered: bool, pending: bool) -> RunAfterAgent:
    """What follows for the run.

    `undelivered`: an answer came when the agent had just left; `pending`: one of its requests is open or answered.
    """
    lost = run.stop is StopRequest.LOST
    left = not run.stop and end.reason in (EndReason.DONE, EndReason.UNAVAILABLE)
    if (lost and pending) or (left and (undelivered or pending)):
        return RunAfterAgent.WAITS
    return RunAfterAgent.RESUMES if lost and end.reason in _CUT_SHORT and run.session else RunAfterAgent.ENDS


def may_be_the_machine(run: RunRow, end: Ended) -> bool:
    """Whether the agent may have failed because files could not be written."""
    return end.reason in _MAY_BE_THE_MACHINE and run.stop is not StopRequest.LOST


def attributed_end(run: RunRow, end: Ended, fault: str) -> Ended:
    """An agent that fails has failed for what kept files from being written, where that was seen.

    `fault` is what is wrong with the machine now; the agent, or the run before, may have seen something, too.
    """
    end = replace(end, fault=fault or end.fault or run.fault)
    return (
        replace(end, reason=EndReason.MACHINE, message=end.fault) if may_be_the_machine(run, end) and end.fault else end
    )


def remaining_stop(run: RunRow, end: Ended) -> StopRequest:
    """The request to stop as far as the agent ended because of it, and not by itself."""
    lost_but_ended = run.stop is StopRequest.LOST and end.reason not in _CUT_SHORT
    done_within_budget = run.stop is StopRequest.BUDGET and end.reason is EndReason.DONE
    return StopRequest.NONE if lost_but_ended or done_within_budget else run.stop
