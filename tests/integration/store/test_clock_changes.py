from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from coworkd.board.approvals.requests import bind_request, is_unchanged
from coworkd.core.clock import ClockOrigin
from coworkd.core.event_kinds import EventKind
from coworkd.store import CooldownRow, Database, RequestKind, RequestRow, RequestState
from coworkd.store.clock_changes import KEPT_COLUMNS, MOVED_COLUMNS, follow_clock
from coworkd.store.cooldowns import find_cooldown, put_cooldown
from coworkd.store.usage import DAY

NOW, HOUR = 1_700_000_000.0, 3600.0
HERE = ClockOrigin(boot="this", offset=NOW)
OTHER = ClockOrigin(boot="other", offset=NOW - 500.0)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = Database(tmp_path / "state.db")
    assert follow_clock(db, HERE, NOW) == 0.0
    with db.write():
        db.event(NOW, EventKind.PRUNED)
        put_cooldown(db, CooldownRow(account="a", until=NOW + 60, times=1, kind="rate", reason="", since=NOW))
    yield db
    db.close()


def _until(db: Database) -> float:
    found = find_cooldown(db, "a")
    assert found is not None
    return found.until


def test_every_number_of_the_tables_is_an_instant_that_moves_or_something_that_stays(db: Database) -> None:
    tables = [row["name"] for row in db.query("SELECT name FROM sqlite_master WHERE type = 'table'")]
    numbers = {
        (table, row["name"])
        for table in tables
        for row in db.query(f"PRAGMA table_info({table})")
        if row["type"] in ("REAL", "FLOAT")
    }
    listed = [(table, name) for part in (MOVED_COLUMNS, KEPT_COLUMNS) for table in part for name in part[table]]
    assert sorted(listed) == sorted(numbers)


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_what_is_stored_moves_with_a_clock_that_was_set(db: Database, step: float) -> None:
    assert follow_clock(db, replace(HERE, offset=NOW + step), NOW + step) == step
    assert _until(db) == NOW + 60 + step
    assert json.loads(db.query("SELECT data FROM events WHERE kind = 'clock set'")[0]["data"]) == {"seconds": step}
    assert follow_clock(db, replace(HERE, offset=NOW + step), NOW + step) == 0.0, "once"


def test_none_is_none_after_that_too(db: Database) -> None:
    with db.write():
        put_cooldown(db, CooldownRow(account="a", until=0.0, times=1, kind="rate", reason="", since=NOW))
        db.state.setup_fault = json.dumps({"at": NOW, "reason": "no network"})
    follow_clock(db, replace(HERE, offset=NOW - HOUR), NOW - HOUR)
    assert _until(db) == 0.0
    assert db.state.untrusted_since == 0.0
    assert json.loads(db.state.setup_fault) == {"at": NOW - HOUR, "reason": "no network"}


def test_an_approval_that_is_open_stays_what_was_asked(db: Database) -> None:
    asked = bind_request(
        RequestRow(
            id="r", task="a", run="", kind=RequestKind.TOOL, name="", path="", state=RequestState.OPEN, answer="",
            comment="", text="", created=NOW, number=1, expires=NOW + DAY,
        ),
        "what it is about",
    )  # fmt: skip
    with db.write():
        db.put(asked)
    follow_clock(db, replace(HERE, offset=NOW + HOUR), NOW + HOUR)
    found = db.one(RequestRow, "id = 'r'")
    assert found is not None
    assert found.created == NOW + HOUR
    assert is_unchanged(found, "what it is about")


def test_time_that_passes_moves_nothing(db: Database) -> None:
    assert follow_clock(db, HERE, NOW + 8 * HOUR) == 0.0
    assert _until(db) == NOW + 60


def test_after_another_start_of_the_machine_only_a_clock_that_went_back_is_known(db: Database) -> None:
    assert follow_clock(db, OTHER, NOW + HOUR) == 0.0, "the machine may have been off for an hour"
    assert follow_clock(db, HERE, NOW - HOUR) == -HOUR
    assert _until(db) == NOW + 60 - HOUR
    assert follow_clock(db, OTHER, NOW - HOUR) == 0.0


def test_a_clock_that_was_wrong_for_a_while_leaves_no_trace(db: Database) -> None:
    before = _until(db)
    for step in (50 * 365 * 24 * HOUR, 0.0, -50 * 365 * 24 * HOUR, 0.0):
        follow_clock(db, replace(HERE, offset=NOW + step), NOW + step)
    assert _until(db) == before
