"""Every move of a request: written with its event, or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from coworkd.core.errors import StoreError
from coworkd.core.event_kinds import EventKind
from coworkd.core.request_states import REQUEST_STATES, RequestState
from coworkd.store import Database, RequestKind, RequestRow
from coworkd.store.events import NewEvent, events_after
from coworkd.store.requests import RequestMove, add_request, find_request, move_request

ALLOWED = [(current, to) for current in RequestState for to in sorted(REQUEST_STATES.moves[current])]
REFUSED = [pair for pair in product(RequestState, RequestState) if pair not in ALLOWED and pair[0] is not pair[1]]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "state.db")
    yield made
    made.close()


def given(db: Database, state: RequestState) -> None:
    row = RequestRow(
        id="r", task="a", run="", kind=RequestKind.TOOL, name="", path="", state=state, answer="", comment="", text="",
        created=0.0, number=0,
    )  # fmt: skip
    add_request(db, row, NewEvent(at=0.0, kind=EventKind.REQUEST_ASKED, task="a"))


def move(db: Database, current: RequestState, to: RequestState) -> bool:
    event = NewEvent(at=1.0, kind=EventKind.REQUEST_ANSWERED, task="a", data={"request": "r"})
    return move_request(db, RequestMove(request="r", of={current}, to=to, answer="approved"), event)


def state(db: Database) -> RequestState:
    found = find_request(db, "r")
    assert found is not None
    return found.state


@pytest.mark.parametrize(("current", "to"), ALLOWED)
def test_a_move_of_the_table_is_written_with_its_event(db: Database, current: RequestState, to: RequestState) -> None:
    given(db, current)
    assert move(db, current, to)
    assert state(db) is to
    assert [(event.kind, json.loads(event.data)) for event in events_after(db, 1)] == [("answered", {"request": "r"})]


@pytest.mark.parametrize(("current", "to"), REFUSED)
def test_another_move_is_refused(db: Database, current: RequestState, to: RequestState) -> None:
    given(db, current)
    with pytest.raises(StoreError, match=f"a request that is {current} cannot become {to}"):
        move(db, current, to)
    assert state(db) is current


def test_a_move_that_was_lost_to_another_one_writes_nothing(db: Database) -> None:
    given(db, RequestState.VOID)
    assert not move(db, RequestState.OPEN, RequestState.USED)
    assert state(db) is RequestState.VOID
    assert not events_after(db, 1)
