"""The states of runs as the store writes them, and questions about several runs of one task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from coworkd.core.errors import StoreError
from coworkd.core.event_kinds import EventKind
from coworkd.core.run_states import RUN_STATES, RunState
from coworkd.core.runs import (
    AgentStart,
    AnyRunState,
    EndedState,
    PreparingState,
    RunReason,
    RunSlot,
    StopRequest,
    SubmittingState,
    WaitingState,
    WorkingState,
)
from coworkd.store import Database, RunRow
from coworkd.store.events import events_after
from coworkd.store.runs import (
    add_run,
    correct_end,
    find_live_run,
    get_run,
    has_stopping_runs,
    last_ended_run,
    live_runs_of,
    move_run,
    request_stop,
    run_event,
    runs_to_stop,
)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "state.db")
    yield database
    database.close()


STATES: dict[RunState, AnyRunState] = {
    RunState.PREPARING: PreparingState(),
    RunState.WORKING: WorkingState(),
    RunState.WAITING: WaitingState(since=2.0, reason=RunReason.DONE),
    RunState.SUBMITTING: SubmittingState(reason=RunReason.FAILED, message="no", submission=3),
    RunState.ENDED: EndedState(
        at=4.0, reason=RunReason.DONE, message_path="m.md", kept_commit="c", tree="t", recorded=True
    ),
}


def begin(db: Database, run: str, task: str = "a", state: RunState = RunState.PREPARING) -> RunRow:
    """A run that stands in this state, whatever led there."""
    row = RunRow(
        id=run, task=task, attempt=1, agent="main", state=STATES[state], started=1.0, slot=RunSlot(number=1),
        start=AgentStart(sandbox_level="none"),
    )  # fmt: skip
    db.put(row)
    return row


@pytest.mark.parametrize(("current", "to"), list(product(RunState, RunState)))
def test_only_moves_of_the_table_are_written(db: Database, current: RunState, to: RunState) -> None:
    event = run_event(begin(db, "r1", state=current), 3.0, EventKind.RUN_WAITS, to=to)
    if RUN_STATES.allows(current, to):
        move_run(db, "r1", STATES[to], event)
        assert get_run(db, "r1").state == STATES[to]
        assert [(e.kind, e.task, e.data) for e in events_after(db, 0)] == [
            ("run waits", "a", f'{{"run": "r1", "to": "{to}"}}')
        ]
    else:
        with pytest.raises(StoreError, match=f"that is {current} cannot become {to}"):
            move_run(db, "r1", STATES[to], event)
        assert get_run(db, "r1").state == STATES[current]
        assert events_after(db, 0) == []


def test_what_a_state_alone_knows_is_gone_with_it(db: Database) -> None:
    run = begin(db, "r1", state=RunState.SUBMITTING)
    move_run(db, "r1", PreparingState(), run_event(run, 3.0, EventKind.RUN_BEGUN_AGAIN))
    row = db.query("SELECT state, reason, message, submission, said, began FROM runs")[0]
    assert tuple(row) == ("preparing", "", "", 0, "", 0.0)


def test_what_turns_out_later_of_an_end_is_written_to_ended_runs_alone(db: Database) -> None:
    begin(db, "r1", state=RunState.ENDED)
    working = begin(db, "r2", state=RunState.WORKING)
    for run in ("r1", "r2", "unknown"):
        correct_end(db, run, reason=RunReason.REJECTED, message="A person rejected it")
    ended = replace(STATES[RunState.ENDED], reason=RunReason.REJECTED, message="A person rejected it")
    assert get_run(db, "r1").state == ended
    assert get_run(db, "r2") == working


def test_a_run_begins_where_the_table_begins(db: Database) -> None:
    row = begin(db, "r1")
    with pytest.raises(StoreError):
        add_run(db, begin(db, "r2", state=RunState.WORKING))
    assert get_run(db, "r1") == row


def test_runs_of_one_task_are_stopped_one_by_one(db: Database) -> None:
    first, second = begin(db, "r1", state=RunState.WORKING), begin(db, "r2", state=RunState.WAITING)
    begin(db, "r3", task="b", state=RunState.WORKING)
    request_stop(db, [first], StopRequest.BUDGET)
    assert [run.id for run in runs_to_stop(db)] == ["r1"]
    request_stop(db, live_runs_of(db, "a"), StopRequest.USER)
    assert [(run.id, run.stop) for run in runs_to_stop(db)] == [("r1", StopRequest.BUDGET), ("r2", StopRequest.USER)]
    assert second.stop is StopRequest.NONE
    assert get_run(db, "r3").stop is StopRequest.NONE


def test_a_run_that_was_lost_is_not_on_its_way_to_an_end(db: Database) -> None:
    request_stop(db, [begin(db, "r1", state=RunState.WORKING)], StopRequest.LOST)
    assert runs_to_stop(db) == []
    assert not has_stopping_runs(db)


def test_a_run_that_has_ended_is_no_longer_live(db: Database) -> None:
    first = begin(db, "r1", state=RunState.WORKING)
    begin(db, "r2", state=RunState.WORKING)
    move_run(db, "r1", STATES[RunState.ENDED], run_event(first, 2.0, EventKind.RUN_ENDED))
    assert [run.id for run in live_runs_of(db, "a")] == ["r2"]
    assert find_live_run(db, "r1") is None
    ended = last_ended_run(db, "a")
    assert ended is not None
    assert ended.id == "r1"
    assert last_ended_run(db, "a", but="r1") is None
