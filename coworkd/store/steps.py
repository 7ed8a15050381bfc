"""Patterns and their steps: every statement about them, and the only place that writes the state of a step."""

from __future__ import annotations

from coworkd.core.errors import StoreError
from coworkd.core.model import Status
from coworkd.core.step_states import STEP_STATES, StepKind, StepState
from coworkd.store.database import Database
from coworkd.store.events import NewEvent, add_event
from coworkd.store.pattern_rows import PatternRow, StepKey, StepRow

# ---- patterns


def find_pattern(db: Database, task: str, attempt: int) -> PatternRow | None:
    """The pattern of one attempt of a task."""
    return db.one(PatternRow, "task = ? AND attempt = ?", task, attempt)


def latest_pattern(db: Database, task: str) -> PatternRow | None:
    """That of the latest attempt which had one."""
    return db.one(PatternRow, "task = ? ORDER BY attempt DESC", task)


def running_patterns(db: Database) -> list[PatternRow]:
    """The patterns at work: without a verdict, in the present attempt of a task that is at work, oldest first."""
    sql = (
        "verdict = '' AND EXISTS (SELECT 1 FROM tasks t WHERE t.id = patterns.task AND t.attempt = patterns.attempt"
        " AND t.status IN (?, ?) AND NOT t.gone) ORDER BY began, task"
    )
    return db.all(PatternRow, sql, Status.RUNNING, Status.WAITING)


def add_pattern(db: Database, row: PatternRow, event: NewEvent) -> None:
    """An attempt begins with a pattern."""
    db.put(row)
    add_event(db, event)


def end_pattern(db: Database, row: PatternRow, verdict: str, event: NewEvent) -> None:
    """It has come to its verdict, which is never another one."""
    if row.verdict:
        raise StoreError(f"the pattern of {row.task}, attempt {row.attempt}, has a verdict already")
    db.set(PatternRow, row.key, verdict=verdict, ended=event.at)
    add_event(db, event)


def decide_pattern(db: Database, row: PatternRow, verdict: str, event: NewEvent) -> None:
    """A person has decided where the pattern could not: it is at work again until that is carried out."""
    db.set(PatternRow, row.key, decided=verdict, verdict="", ended=None)
    add_event(db, event)


# ---- steps


def steps_of(db: Database, task: str, attempt: int) -> list[StepRow]:
    """The steps of an attempt in the order in which they were asked for."""
    return db.all(StepRow, "task = ? AND attempt = ? ORDER BY asked, rowid", task, attempt)


def find_step(db: Database, key: StepKey) -> StepRow | None:
    return db.one(StepRow, "task = ? AND attempt = ? AND key = ?", *key)


def get_step(db: Database, key: StepKey) -> StepRow:
    """A step that is known to have been asked for."""
    found = find_step(db, key)
    if found is None:
        raise StoreError(f"no step `{key}` in the database")
    return found


def asked_tries(db: Database) -> list[StepRow]:
    """Tries that have not ended, of tasks that are at work, the oldest first."""
    sql = (
        "state = ? AND kind = ? AND task IN (SELECT id FROM tasks WHERE status IN (?, ?) AND NOT gone)"
        " ORDER BY asked, rowid"
    )
    return db.all(StepRow, sql, StepState.ASKED, StepKind.TRY, Status.RUNNING, Status.WAITING)


def add_step(db: Database, row: StepRow, event: NewEvent) -> None:
    """A pattern asks for a step."""
    if row.state is not STEP_STATES.start:
        raise StoreError(f"a step cannot begin as {row.state}")
    db.put(row)
    add_event(db, event)


def end_step(db: Database, row: StepRow, result: str, event: NewEvent, **columns: str | int) -> None:
    """Its result is known. Raises `StoreError` where it has one already."""
    if row.state in STEP_STATES.final:
        raise StoreError(f"the step {row.step_key} has ended already")
    db.set(StepRow, row.step_key, state=StepState.ENDED, result=result, ended=event.at, reason="", **columns)
    add_event(db, event)


def update_step(db: Database, row: StepRow, **columns: str | float | bool) -> None:
    """Set columns beside the state and the result."""
    assert not columns.keys() & {"state", "result"}, "a result is written by `end_step`"
    db.set(StepRow, row.step_key, **columns)
