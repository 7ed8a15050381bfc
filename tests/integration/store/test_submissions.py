from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from coworkd.core.errors import StoreError
from coworkd.core.event_kinds import EventKind
from coworkd.core.submission_states import IN_QUEUE, PENDING_SUBMISSION_STATES, SUBMISSION_STATES, SubmissionState
from coworkd.store import Database, SubmissionKey, SubmissionKind, SubmissionRow
from coworkd.store.submissions import (
    add_submission,
    candidates_in_use,
    conflict_of,
    failed_submissions,
    find_in_queue,
    find_submission,
    get_submission,
    latest_number,
    latest_submission,
    move_submission,
    next_number,
    pending_revert,
    pending_submissions,
    retire_submission,
    reviewed_number_before,
    submission_event,
    submissions_of,
    tasks_that_submitted,
    unlanded_work,
    update_submission,
    withdraw_approvals,
)

QUEUED = SubmissionRow(
    task="a", number=1, attempt=1, commit_id="c1", tree="t1", base="b", state=SubmissionState.QUEUED, created=1.0,
    needs_approval=True, candidate="m1",
)  # fmt: skip


@pytest.fixture
def db(tmp_path: Path) -> Database:
    return Database(tmp_path / "state.db")


def add(db: Database, *rows: SubmissionRow) -> None:
    with db.write():
        for row in rows:
            add_submission(db, row)


def kinds(db: Database) -> list[str]:
    return [row["kind"] for row in db.query("SELECT kind FROM events ORDER BY id")]


@pytest.mark.parametrize(("current", "to"), list(product(SubmissionState, SubmissionState)))
def test_only_moves_of_the_table_are_written(db: Database, current: SubmissionState, to: SubmissionState) -> None:
    row = replace(QUEUED, state=current)
    add(db, row)
    event = submission_event(row, 2.0, EventKind.HELD)
    if SUBMISSION_STATES.allows(current, to):
        move_submission(db, row, to, event, message="why")
        assert get_submission(db, row.key) == replace(row, state=to, message="why")
        assert kinds(db) == ["held"]
    else:
        with pytest.raises(StoreError, match=f"a/1: a submission that is {current} cannot become {to}"):
            move_submission(db, row, to, event)
        assert get_submission(db, row.key) == row
        assert kinds(db) == []
    db.close()


@pytest.mark.parametrize("state", SubmissionState)
def test_what_is_pending_and_what_is_in_the_queue(db: Database, state: SubmissionState) -> None:
    row = replace(QUEUED, state=state)
    add(db, row)
    assert (pending_submissions(db, "a") == [row]) is (state in PENDING_SUBMISSION_STATES)
    assert (find_in_queue(db, row.key) == row) is (state in IN_QUEUE)
    db.close()


def test_a_retired_submission_says_why_and_the_log_has_it(db: Database) -> None:
    add(db, QUEUED)
    with db.write():
        retire_submission(db, QUEUED, "closed by hand", 5.0)
    assert pending_submissions(db, "a") == []
    found = get_submission(db, QUEUED.key)
    assert (found.state, found.message) == (SubmissionState.RETIRED, "closed by hand")
    (event,) = db.query("SELECT kind, task, data FROM events")
    assert (event["kind"], event["task"]) == ("submission retired", "a")
    assert json.loads(event["data"]) == {"number": 1, "why": "closed by hand"}
    db.close()


def test_numbers_grow_by_one_and_each_task_has_its_own(db: Database) -> None:
    assert (latest_number(db, "a"), next_number(db, "a")) == (0, 1)
    add(db, QUEUED, replace(QUEUED, number=4), replace(QUEUED, task="b", number=9))
    assert (latest_number(db, "a"), next_number(db, "a"), next_number(db, "b")) == (4, 5, 10)
    assert [row.number for row in submissions_of(db, "a")] == [1, 4]
    latest = latest_submission(db, "a")
    assert latest is not None
    assert latest.number == 4
    assert find_submission(db, SubmissionKey("a", 2)) is None
    assert tasks_that_submitted(db, ["a", "c"]) == {"a"}
    db.close()


def test_a_pending_revert_is_not_taken_for_work(db: Database) -> None:
    add(db, QUEUED)
    assert not pending_revert(db, "a")
    add(db, replace(QUEUED, number=2, kind=SubmissionKind.REVERT))
    assert pending_revert(db, "a")
    db.close()


def test_approvals_are_withdrawn_from_what_may_still_land(db: Database) -> None:
    landed = replace(QUEUED, number=2, state=SubmissionState.LANDED, approved=True, request="r2")
    add(db, replace(QUEUED, approved=True, request="r1"), landed)
    with db.write():
        withdraw_approvals(db)
    assert get_submission(db, QUEUED.key) == replace(QUEUED, approved=False, request="")
    assert get_submission(db, landed.key) == landed
    db.close()


def test_what_others_ask(db: Database) -> None:
    red = replace(QUEUED, number=2, state=SubmissionState.RED, bundle="/b.json", candidate="m2")
    add(db, replace(QUEUED, request="r"), red)
    assert failed_submissions(db) == [red]
    assert conflict_of(db, "a", "/b.json") == red
    assert candidates_in_use(db) == {"m1"}
    assert reviewed_number_before(db, red.key) == 1
    assert reviewed_number_before(db, QUEUED.key) == 0
    assert [row.number for row in unlanded_work(db)] == [1, 2]
    add(db, replace(QUEUED, number=3, state=SubmissionState.LANDED))
    assert unlanded_work(db) == []
    update_submission(db, red, held="x")
    assert get_submission(db, red.key).held == "x"
    db.close()
