"""Whether what a start of a run reports still counts. Pure.

A run is handed to an executor several times, once for each epoch. Each start may be lost and given up, and what carries
it out may live on unseen: nothing that it reports then may be taken for a report of the start that replaced it.
"""

from __future__ import annotations

from enum import Enum, auto

from coworkd.core.run_states import RunState
from coworkd.dispatch.executors.port import RunEvent
from coworkd.store import RunRow

_HEARD = (RunState.WORKING, RunState.WAITING)
"""States in which a start of the run is listened to."""


class ReportFate(Enum):
    """What becomes of a report."""

    COUNTS = auto()
    KNOWN = auto()
    """It was recorded before, and is handed out again."""
    REFUSED = auto()
    """It is of a start that was given up, or is over."""


def judge_report(run: RunRow, report: RunEvent) -> ReportFate:
    """What becomes of this report of the run."""
    if report.epoch != run.start.epoch:
        return ReportFate.REFUSED
    if report.offset <= run.start.offset:
        return ReportFate.KNOWN
    return ReportFate.COUNTS if run.state.kind in _HEARD else ReportFate.REFUSED
