"""Submissions: every statement about them but those about landings, and the only place that writes their state.

Only a move that `core.submission_states` has is written, and its event in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection

from coworkd.core.errors import StoreError
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Answer, Status
from coworkd.core.run_states import RunState
from coworkd.core.submission_states import (
    IN_QUEUE,
    PENDING_SUBMISSION_STATES,
    SUBMISSION_STATES,
    VERIFIABLE,
    SubmissionState,
)
from coworkd.store.database import Database
from coworkd.store.events import NewEvent, add_event
from coworkd.store.rows import BatchPlace, SubmissionKey, SubmissionKind, SubmissionRow, TaskRow

_PENDING = tuple(sorted(PENDING_SUBMISSION_STATES))
_IN_QUEUE = tuple(sorted(IN_QUEUE))
_VERIFIABLE = tuple(sorted(VERIFIABLE))


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


_HAS_PENDING = f"EXISTS (SELECT 1 FROM submissions s WHERE s.task = tasks.id AND s.state IN ({_marks(_PENDING)}))"
_HAS_RUN = "EXISTS (SELECT 1 FROM runs r WHERE r.task = tasks.id AND r.state != ?)"
_HAS_PATTERN = (
    "EXISTS (SELECT 1 FROM patterns p WHERE p.task = tasks.id AND p.attempt = tasks.attempt AND p.verdict = '')"
)
"""A pattern is at work on it, which may be trying changes, without a run."""
_PRESENT = "EXISTS (SELECT 1 FROM tasks t WHERE t.id = submissions.task AND NOT t.gone)"
"""A parked task's submissions are left alone."""


# ---- writing


def add_submission(db: Database, row: SubmissionRow, event: NewEvent | None = None) -> None:
    """A new submission, and the event that says so; None: the transaction has one that does."""
    db.put(row)
    if event is not None:
        add_event(db, event)


def move_submission(
    db: Database,
    row: SubmissionRow,
    to: SubmissionState,
    event: NewEvent,
    **columns: str | bool | float | BatchPlace | None,
) -> None:
    """Write a state, the columns that follow from it, and the event.

    Raises `StoreError` for a move that the state machine does not have.
    """
    if reason := SUBMISSION_STATES.refusal_reason(row.state, to):
        raise StoreError(f"{row.key}: {reason}")
    db.set(SubmissionRow, row.key, state=to, **columns)
    add_event(db, event)


def retire_submission(db: Database, row: SubmissionRow, why: str, now: float, *, message: str | None = None) -> None:
    """Take a submission out of the queue; its ref stays. `message` is kept with it; None: `why` is."""
    event = submission_event(row, now, EventKind.SUBMISSION_RETIRED, why=why)
    move_submission(db, row, SubmissionState.RETIRED, event, message=why if message is None else message)


def submission_event(row: SubmissionRow, at: float, kind: EventKind, **data: object) -> NewEvent:
    """An event about a submission."""
    return NewEvent(at=at, kind=kind, task=row.task, data={"number": row.number, **data})


def update_submission(db: Database, row: SubmissionRow, **columns: str | bool | float) -> None:
    """Set columns beside the state."""
    assert "state" not in columns, "a state is written by `move_submission`"
    db.set(SubmissionRow, row.key, **columns)


def withdraw_approvals(db: Database) -> None:
    """Nothing that may still land is approved any more, and its review is to be written again."""
    sql = f"UPDATE submissions SET approved = 0, request = '' WHERE state IN ({_marks(_VERIFIABLE)})"
    db.execute(sql, *_VERIFIABLE)


# ---- reading: one submission


def find_submission(db: Database, key: SubmissionKey) -> SubmissionRow | None:
    return db.one(SubmissionRow, "task = ? AND number = ?", *key)


def get_submission(db: Database, key: SubmissionKey) -> SubmissionRow:
    """The submission that is known to exist."""
    row = find_submission(db, key)
    assert row is not None, "submissions are never deleted"
    return row


def find_in_queue(db: Database, key: SubmissionKey) -> SubmissionRow | None:
    """The submission, while the merge queue works on it."""
    return db.one(SubmissionRow, f"task = ? AND number = ? AND state IN ({_marks(_IN_QUEUE)})", *key, *_IN_QUEUE)


def latest_submission(db: Database, task: str) -> SubmissionRow | None:
    """The one with the highest number, in any state."""
    return db.one(SubmissionRow, "task = ? ORDER BY number DESC", task)


def submission_of_run(db: Database, run: str) -> SubmissionRow | None:
    """The submission of a run; the latest, where it has several."""
    return db.one(SubmissionRow, "run = ? ORDER BY number DESC", run)


def find_commit(db: Database, task: str, commit: str) -> SubmissionRow | None:
    """The submission of a task that is this commit."""
    return db.one(SubmissionRow, "task = ? AND commit_id = ?", task, commit)


def find_submitted(db: Database, commit: str) -> SubmissionRow | None:
    """The latest submission, of any task, that is this commit."""
    return db.one(SubmissionRow, "commit_id = ? ORDER BY created DESC", commit)


def conflict_of(db: Database, task: str, bundle: str) -> SubmissionRow | None:
    """The submission whose conflict is described in this bundle."""
    return db.one(SubmissionRow, "task = ? AND bundle = ? ORDER BY number DESC", task, bundle)


def resolved_conflict(db: Database, row: SubmissionRow) -> SubmissionRow | None:
    """The earlier submission whose conflict this one resolves: it was made on what that one conflicts with."""
    if not row.conflict:
        return None
    tip = "CASE conflict_tip WHEN '' THEN tip ELSE conflict_tip END"
    where = f"task = ? AND number < ? AND bundle != '' AND {tip} = ? ORDER BY number DESC"
    return db.one(SubmissionRow, where, row.task, row.number, row.base)


def tip_to_merge(db: Database, task: str, bundle: str) -> str:
    """The commit that a run which resolves the conflict of this bundle is to merge in; empty: there is no such one."""
    conflict = conflict_of(db, task, bundle) if bundle else None
    return conflict.tip_to_merge if conflict else ""


def work_to_continue(db: Database, task: str) -> SubmissionRow | None:
    """The latest submission of a task, if it was taken out of its review for another attempt.

    None where it never came to a review, is still on its way, was rejected or approved, or was taken out because its
    checks failed on a newer tip or it conflicted with that.
    """
    latest = latest_submission(db, task)
    if latest is None or latest.kind is not SubmissionKind.WORK or latest.state is not SubmissionState.RETIRED:
        return None
    # Without a tree nothing was changed, and there is nothing to go on with.
    if not latest.tree or not latest.request or latest.bundle or _failed_verification(db, latest):
        return None
    answer = db.scalar("SELECT answer FROM requests WHERE id = ?", latest.request)
    return latest if answer in ("", Answer.CHANGES) else None


def _failed_verification(db: Database, work: SubmissionRow) -> bool:
    return db.scalar("SELECT reason FROM runs WHERE id = ?", work.run) == "red"


# ---- reading: numbers


def latest_number(db: Database, task: str) -> int:
    """The highest number of a task's submissions; 0: there is none."""
    return int(db.scalar("SELECT coalesce(max(number), 0) FROM submissions WHERE task = ?", task))


def next_number(db: Database, task: str) -> int:
    """The number of a task's next submission. A run that has ended may have reserved one, or proposed its change."""
    reserved = db.scalar("SELECT coalesce(max(submission), 0) FROM runs WHERE task = ?", task)
    return 1 + max(latest_number(db, task), int(reserved))


def reviewed_number_before(db: Database, key: SubmissionKey) -> int:
    """The number of the latest earlier submission that came to a review; 0: none did."""
    sql = "SELECT max(number) FROM submissions WHERE task = ? AND kind = ? AND request != '' AND number < ?"
    return int(db.scalar(sql, key.task, SubmissionKind.WORK, key.number) or 0)


# ---- reading: several submissions


def submissions_of(db: Database, task: str) -> list[SubmissionRow]:
    """All submissions of a task, the first one first."""
    return db.all(SubmissionRow, "task = ? ORDER BY number", task)


def pending_submissions(db: Database, task: str) -> list[SubmissionRow]:
    """The submissions of a task that are on their way to the integration branch, oldest first."""
    sql = f"task = ? AND state IN ({_marks(_PENDING)}) ORDER BY number"
    return db.all(SubmissionRow, sql, task, *_PENDING)


def pending_revert(db: Database, task: str) -> bool:
    """Whether the task's change is being taken back, or applied again."""
    sql = f"SELECT 1 FROM submissions WHERE task = ? AND kind != ? AND state IN ({_marks(_VERIFIABLE)})"
    return bool(db.scalar(sql, task, SubmissionKind.WORK, *_VERIFIABLE))


def merge_queue(db: Database) -> list[SubmissionRow]:
    """The submissions that the merge queue works on."""
    return db.all(SubmissionRow, f"state IN ({_marks(_IN_QUEUE)}) AND {_PRESENT}", *_IN_QUEUE)


def failed_submissions(db: Database) -> list[SubmissionRow]:
    """The submissions that are responsible for a failed check and have not been withdrawn."""
    return db.all(SubmissionRow, "state = ?", SubmissionState.RED)


def conflicted_submissions(db: Database) -> list[SubmissionRow]:
    """The submissions whose conflict an agent or a person has to resolve."""
    return db.all(SubmissionRow, "state = ?", SubmissionState.CONFLICTED)


def resolutions_in_queue(db: Database) -> list[SubmissionRow]:
    """The submissions in the merge queue that conflicted before, or resolve what did."""
    sql = f"state IN ({_marks(_IN_QUEUE)}) AND conflict != '' AND {_PRESENT}"
    return db.all(SubmissionRow, sql, *_IN_QUEUE)


def held_submissions(db: Database) -> list[SubmissionRow]:
    """The submissions that are held now, oldest first."""
    return db.all(SubmissionRow, f"state = ? AND {_PRESENT} ORDER BY created, task", SubmissionState.HELD)


def once_held_submissions(db: Database) -> list[SubmissionRow]:
    """The submissions that are held, or were held and have not been verified since, oldest first."""
    sql = "held != '' AND state IN (?, ?) ORDER BY created, task"
    return db.all(SubmissionRow, sql, SubmissionState.HELD, SubmissionState.QUEUED)


def unapproved_submissions(db: Database) -> list[SubmissionRow]:
    """The submissions that have been verified and are not approved."""
    return db.all(SubmissionRow, "state = ? AND NOT approved", SubmissionState.GREEN)


def work_submissions(db: Database) -> list[SubmissionRow]:
    """The submissions by agents that changed something."""
    return db.all(SubmissionRow, "kind = ? AND tree != ''", SubmissionKind.WORK)


def unlanded_work(db: Database) -> list[SubmissionRow]:
    """The submissions by agents that changed something, of tasks that have no landing."""
    landed = "SELECT task FROM submissions WHERE state = ?"
    sql = f"kind = ? AND tree != '' AND task NOT IN ({landed})"
    return db.all(SubmissionRow, sql, SubmissionKind.WORK, SubmissionState.LANDED)


def candidates_in_use(db: Database) -> frozenset[str]:
    """The candidates that may still land."""
    rows = db.query(f"SELECT candidate FROM submissions WHERE state IN ({_marks(_VERIFIABLE)})", *_VERIFIABLE)
    return frozenset(row["candidate"] for row in rows)


# ---- reading: tasks by their submissions


def tasks_that_submitted(db: Database, tasks: Collection[str]) -> frozenset[str]:
    """The tasks among these that have a submission."""
    rows = db.query_in("SELECT task FROM submissions WHERE task IN (?)", tasks)
    return frozenset(row["task"] for row in rows)


def reviews_without_submission(db: Database) -> list[TaskRow]:
    """Tasks in review of which no submission is pending: the database that knew of it was lost."""
    sql = f"status = ? AND NOT elsewhere AND NOT pulled AND NOT gone AND NOT {_HAS_PENDING}"
    return db.all(TaskRow, sql, Status.REVIEW, *_PENDING)


def running_without_run(db: Database) -> list[TaskRow]:
    """Tasks that are running although they have neither a run, nor a pattern, nor a pending submission."""
    sql = f"status = ? AND NOT elsewhere AND NOT {_HAS_RUN} AND NOT {_HAS_PENDING} AND NOT {_HAS_PATTERN}"
    return db.all(TaskRow, sql, Status.RUNNING, RunState.ENDED, *_PENDING)


def settled_tasks(db: Database, before: float) -> list[TaskRow]:
    """Tasks that landed before this time, with no run and no pending submission since."""
    sql = f"status = ? AND landed != '' AND since < ? AND NOT {_HAS_PENDING} AND NOT {_HAS_RUN}"
    return db.all(TaskRow, sql, Status.DONE, before, *_PENDING, RunState.ENDED)


def waiting_with_conflict(db: Database) -> list[TaskRow]:
    """Tasks that wait for a person to resolve a conflict."""
    conflict = "SELECT 1 FROM submissions s WHERE s.task = tasks.id AND s.state = ?"
    return db.all(TaskRow, f"status = ? AND EXISTS ({conflict})", Status.WAITING, SubmissionState.CONFLICTED)
