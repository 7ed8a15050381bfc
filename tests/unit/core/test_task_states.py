from __future__ import annotations

from itertools import product

import pytest

from coworkd.core.model import Status
from coworkd.core.task_states import (
    ACTIVE,
    BOARD_ORDER,
    DAEMON_MOVES,
    MOVES,
    OVER,
    TRAITS,
    UNSTARTED,
    WITH_SUBMISSION,
    Effect,
    Moved,
    MoveRefused,
    daemon_may_move,
    decide_user_move,
)

EVERY = frozenset(Status)

# What a person writes, the statuses it applies to, and what it means, as people are told.
CONTRACT = [
    ("ready", "draft failed cancelled review done", Effect.START),
    ("ready", "paused", Effect.RESUME),
    ("ready", "running waiting merging", None),
    ("paused", "draft ready running waiting review merging failed cancelled", Effect.STOP),
    ("cancelled", "draft ready running waiting review merging failed paused", Effect.STOP),
    ("paused", "done", None),
    ("cancelled", "done", None),
    ("done", "draft ready running waiting review merging failed paused cancelled", Effect.CLOSE),
    ("draft", "ready review failed paused cancelled done", Effect.SHELVE),
    ("draft", "running waiting merging", None),
    ("running", "draft ready waiting review merging done failed paused cancelled", None),
    ("waiting", "draft ready running review merging done failed paused cancelled", None),
    ("review", "draft ready running waiting merging done failed paused cancelled", None),
    ("merging", "draft ready running waiting review done failed paused cancelled", None),
    ("failed", "draft ready running waiting review merging done paused cancelled", None),
]
CELLS = [(Status(wanted), Status(at), effect) for wanted, row, effect in CONTRACT for at in row.split()]


@pytest.mark.parametrize(("wanted", "current", "effect"), CELLS)
def test_a_word_of_a_person(wanted: Status, current: Status, effect: Effect | None) -> None:
    outcome = decide_user_move(current, wanted)
    if effect is None:
        assert isinstance(outcome, MoveRefused)
        assert str(current) in outcome.reason or str(wanted) in outcome.reason
    else:
        assert outcome == Moved(status=wanted, effect=effect)


def test_the_table_is_whole() -> None:
    told = {(wanted, current) for wanted, current, _ in CELLS}
    assert told == {(wanted, current) for wanted, current in product(Status, Status) if wanted is not current}
    assert len(told) == len(CELLS)


@pytest.mark.parametrize("status", Status)
def test_writing_what_already_is_changes_nothing(status: Status) -> None:
    assert decide_user_move(status, status) == Moved(status=status, effect=Effect.NONE)


def test_a_refusal_says_what_to_write_instead() -> None:
    refused = decide_user_move(Status.RUNNING, Status.READY)
    assert isinstance(refused, MoveRefused)
    assert "`paused` or `cancelled` first" in refused.reason


def test_the_daemon_never_leaves_what_a_person_settled() -> None:
    assert {status for status, targets in DAEMON_MOVES.items() if not targets} == {
        Status.DONE,
        Status.PAUSED,
        Status.CANCELLED,
    }


def test_every_status_can_be_reached_and_left() -> None:
    into = frozenset[Status]().union(*DAEMON_MOVES.values()) | MOVES.keys()
    assert into == EVERY
    for status in Status:
        assert DAEMON_MOVES[status] or any(status in sources for sources in MOVES.values())


@pytest.mark.parametrize(("current", "to"), list(product(Status, Status)))
def test_the_daemon_may_stay_or_follow_its_table(current: Status, to: Status) -> None:
    assert daemon_may_move(current, to) == (current is to or to in DAEMON_MOVES[current])


def test_only_landing_or_a_person_ends_in_done() -> None:
    assert {status for status, targets in DAEMON_MOVES.items() if Status.DONE in targets} == {
        Status.RUNNING,
        Status.REVIEW,
        Status.MERGING,
    }
    assert Status.CANCELLED not in frozenset[Status]().union(*DAEMON_MOVES.values())


def test_every_status_has_a_row_and_a_place_of_its_own() -> None:
    assert set(TRAITS) == set(Status)
    assert [TRAITS[status].place for status in BOARD_ORDER] == list(range(len(Status)))


def test_a_status_says_where_its_tasks_stand_in_one_way_only() -> None:
    assert not UNSTARTED & (ACTIVE | OVER | WITH_SUBMISSION)
    assert not OVER & (ACTIVE | WITH_SUBMISSION)
