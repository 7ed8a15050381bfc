from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.event_kinds import EventKind
from coworkd.history.durations import Phase, PhaseDuration, PhaseSummary, durations, percentile, summarise
from coworkd.store import EventRow


def event(at: float, kind: EventKind, task: str = "a", **data: object) -> EventRow:
    return EventRow(id=int(at * 10), at=at, actor="daemon", kind=kind, task=task, data=json.dumps(data))


WHOLE_LIFE = [
    event(10, EventKind.STATUS_CHANGED, old="draft", new="ready"),
    event(11, EventKind.STATUS_CHANGED, old="ready", new="ready", reason="waits for b"),
    event(13, EventKind.RUN_BEGUN, run="r1", agent="ed"),
    event(17, EventKind.AGENT_STARTED, run="r1", agent="ed"),
    event(18, EventKind.FIRST_OUTPUT, run="r1"),
    event(20, EventKind.FIRST_TEXT, run="r1"),
    event(21, EventKind.REQUEST_ASKED, request="q1"),
    event(51, EventKind.REQUEST_ANSWERED, request="q1"),
    event(57, EventKind.AGENT_ENDED, run="r1"),
    event(60, EventKind.VERIFYING, number=1),
    event(68, EventKind.VERIFIED, number=1),
    event(70, EventKind.LANDING, number=1),
    event(70.5, EventKind.LANDED, number=1),
]


def test_every_phase_is_found_between_the_events_that_begin_and_end_it() -> None:
    assert {one.phase: one.seconds for one in durations(WHOLE_LIFE)} == {
        Phase.QUEUE: 3, Phase.START: 4, Phase.FIRST_BYTE: 1, Phase.FIRST_TOKEN: 3, Phase.RUN: 40, Phase.WAIT: 30,
        Phase.VERIFY: 8, Phase.LAND: 0.5,
    }  # fmt: skip
    assert {(one.task, one.agent) for one in durations(WHOLE_LIFE)} == {("a", "ed")}


@pytest.mark.parametrize("first", range(len(WHOLE_LIFE)))
def test_what_began_before_the_first_event_is_left_out(first: int) -> None:
    known = durations(WHOLE_LIFE[first:])
    assert {one.phase for one in known} <= {one.phase for one in durations(WHOLE_LIFE)}
    assert all(one.seconds >= 0 for one in known)


def test_runs_and_submissions_of_different_tasks_are_told_apart() -> None:
    found = durations(
        [
            event(1, EventKind.VERIFYING, "a", number=1),
            event(2, EventKind.VERIFYING, "b", number=1),
            event(4, EventKind.VERIFICATION_FAILED, "b", number=1),
            event(9, EventKind.VERIFIED, "a", number=1),
        ]
    )
    assert [(one.task, one.seconds) for one in found] == [("b", 2), ("a", 8)]


def test_a_phase_of_which_nothing_is_known_has_no_times() -> None:
    found = summarise([PhaseDuration(phase=Phase.RUN, task="a", agent="", seconds=2.0)])
    assert found[Phase.RUN] == PhaseSummary(n=1, median=2.0, p90=2.0)
    assert found[Phase.LAND] == PhaseSummary(n=0, median=None, p90=None)
    assert list(found) == list(Phase)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_at_least_the_share_of_values_is_not_above_the_percentile(values: list[float], share: float) -> None:
    found = percentile(sorted(values), share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
