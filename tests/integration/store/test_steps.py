"""Patterns and their steps in the database: what is asked for ends once, and a task that only tries is at work."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from coworkd.core.errors import StoreError
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.core.step_states import StepKind, StepState
from coworkd.store import Database, PatternRow, StepKey, StepRow
from coworkd.store.events import NewEvent
from coworkd.store.steps import (
    add_pattern,
    add_step,
    asked_tries,
    decide_pattern,
    end_pattern,
    end_step,
    find_pattern,
    find_step,
    running_patterns,
)
from coworkd.store.submissions import running_without_run
from tests.unit.dispatch.runs.test_after_run import TASK

PATTERN = PatternRow(task="a", attempt=1, spec="{}", began=1.0)
STEP = StepRow(task="a", attempt=1, key="propose.a", kind=StepKind.RUN, request="{}", asked=1.0)
TRY = dataclasses.replace(STEP, key="try.a", kind=StepKind.TRY)
KEY = StepKey("a", 1, "propose.a")


def event(kind: EventKind = EventKind.STEP_ENDED) -> NewEvent:
    return NewEvent(at=2.0, kind=kind, task="a", data={})


@pytest.fixture
def db(tmp_path: Path) -> Database:
    db = Database(tmp_path / "state.db")
    with db.write():
        db.put(TASK)
        add_pattern(db, PATTERN, event(EventKind.PATTERN_BEGUN))
        for step in (STEP, TRY):
            add_step(db, step, event(EventKind.STEP_ASKED))
    return db


def test_a_step_ends_once(db: Database) -> None:
    with db.write():
        end_step(db, STEP, '{"outcome": "done"}', event(), number=3, commit_id="c")
    ended = find_step(db, KEY)
    assert ended is not None
    assert (ended.state, ended.number, ended.commit_id, ended.ended) == (StepState.ENDED, 3, "c", 2.0)
    with pytest.raises(StoreError, match="has ended already"), db.write():
        end_step(db, ended, "{}", event())


def test_tries_are_made_while_their_task_is_at_work(db: Database) -> None:
    assert [step.key for step in asked_tries(db)] == ["try.a"]
    with db.write():
        db.put(dataclasses.replace(TASK, status=Status.PAUSED))
    assert asked_tries(db) == []


def test_a_task_that_only_tries_is_not_without_work(db: Database) -> None:
    assert running_without_run(db) == []
    with db.write():
        end_pattern(db, PATTERN, "{}", event(EventKind.PATTERN_ENDED))
    assert [row.id for row in running_without_run(db)] == ["a"]


def test_a_pattern_is_at_work_in_the_present_attempt_until_its_verdict(db: Database) -> None:
    assert [row.key for row in running_patterns(db)] == [PATTERN.key]
    with db.write():
        db.put(dataclasses.replace(TASK, attempt=2))
    assert running_patterns(db) == []


def test_a_verdict_is_final_but_for_a_person(db: Database) -> None:
    with db.write():
        end_pattern(db, PATTERN, "{}", event(EventKind.PATTERN_ENDED))
    row = find_pattern(db, "a", 1)
    assert row is not None
    with pytest.raises(StoreError, match="has a verdict already"), db.write():
        end_pattern(db, row, "{}", event())
    with db.write():
        decide_pattern(db, row, '{"of": "propose.b"}', event(EventKind.CHOSEN))
    chosen = find_pattern(db, "a", 1)
    assert chosen is not None
    assert (chosen.verdict, chosen.decided) == ("", '{"of": "propose.b"}')
