from __future__ import annotations

import pytest

from coworkd.agents.port import Ended, EndReason
from coworkd.core.runs import (
    AgentStart,
    AnyRunState,
    EndedState,
    PreparingState,
    SubmittingState,
    WaitingState,
    WorkingState,
)
from coworkd.dispatch.executors.port import RunEvent
from coworkd.dispatch.runs.fencing import ReportFate, judge_report
from coworkd.store import RunReason, RunRow

WORKING = WorkingState()
ENDED = EndedState(at=1.0, reason=RunReason.DONE)
SUBMITTING = SubmittingState(reason=RunReason.DONE)


@pytest.mark.parametrize(
    ("state", "epoch", "offset", "fate"),
    [
        (WORKING, 2, 6, ReportFate.COUNTS),
        (WaitingState(), 2, 6, ReportFate.COUNTS),
        (WORKING, 2, 5, ReportFate.KNOWN),
        (ENDED, 2, 5, ReportFate.KNOWN),
        (WORKING, 1, 6, ReportFate.REFUSED),
        (WORKING, 1, 5, ReportFate.REFUSED),
        (WORKING, 3, 6, ReportFate.REFUSED),
        (PreparingState(), 2, 6, ReportFate.REFUSED),
        (SUBMITTING, 2, 6, ReportFate.REFUSED),
        (ENDED, 2, 6, ReportFate.REFUSED),
    ],
)
def test_only_the_latest_start_is_listened_to_and_only_until_it_is_over(
    state: AnyRunState, epoch: int, offset: int, fate: ReportFate
) -> None:
    run = RunRow(
        id="r", task="a", attempt=1, agent="main", state=state, started=0.0, start=AgentStart(epoch=2, offset=5)
    )
    report = RunEvent(run="r", epoch=epoch, offset=offset, event=Ended(reason=EndReason.DONE))
    assert judge_report(run, report) is fate
