"""Every statement about tasks that more than one package needs."""

from __future__ import annotations

import json
from collections.abc import Collection
from enum import Enum

from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.core.request_states import RequestState
from coworkd.core.run_states import RunState
from coworkd.core.submission_states import SubmissionState
from coworkd.core.task_states import OVER
from coworkd.store.database import Database
from coworkd.store.dependencies import UNMET, VERIFIED
from coworkd.store.row_mapping import Column
from coworkd.store.rows import SubmissionKind, TaskRow

Cell = Column | Enum | bool

UNSTARTABLE_SOURCES = ("graph", "agent")
"""Problems on a task's file by which it cannot start: its dependencies, its agent."""

_STARTABLE = (
    "wanted = '' AND held = '' AND NOT pulled AND NOT elsewhere AND NOT gone"
    " AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.task = tasks.id AND r.state != ?)"
    " AND NOT EXISTS (SELECT 1 FROM problems p WHERE p.path = tasks.path AND p.source IN (?, ?))"
    f" AND NOT EXISTS (SELECT 1 FROM needs n LEFT JOIN tasks t ON t.id = n.needed WHERE n.task = tasks.id AND {UNMET}"
    f" AND NOT (tasks.stack AND {VERIFIED}))"
    " AND NOT EXISTS (SELECT 1 FROM plan_holds h WHERE h.plan = tasks.plan AND h.place IN ('*', tasks.place))"
)
"""Nothing on the board stands in the way of a ready task."""

_STARTABLE_VALUES = (
    *(RunState.ENDED, *UNSTARTABLE_SOURCES),
    *(Status.DONE, SubmissionState.GREEN, SubmissionKind.WORK),
)

_LAST = "\U0010ffff"


def task_ids(db: Database) -> list[str]:
    """The ids of all tasks."""
    return [row["id"] for row in db.query("SELECT id FROM tasks ORDER BY id")]


def find_task(db: Database, task: str) -> TaskRow | None:
    """The row of a task; None where there is no such task."""
    return db.one(TaskRow, "id = ?", task)


def tasks_beginning(db: Database, beginning: str, most: int) -> list[tuple[str, str]]:
    """Id and title of tasks whose ids begin so, which the primary key finds."""
    rows = db.query(
        "SELECT id, title FROM tasks WHERE id >= ? AND id < ? ORDER BY id LIMIT ?", beginning, beginning + _LAST, most
    )
    return [(row["id"], row["title"]) for row in rows]


def startable_tasks(db: Database) -> list[TaskRow]:
    """Ready tasks that wait for no other task, run or person."""
    return db.all(TaskRow, f"status = ? AND {_STARTABLE}", Status.READY, *_STARTABLE_VALUES)


def startable_among(db: Database, tasks: Collection[str]) -> list[TaskRow]:
    """The tasks among these that are startable."""
    # The plus keeps the index of statuses out of it: a few tasks are found by their ids.
    where = f"id IN (SELECT value FROM json_each(?)) AND +status = ? AND {_STARTABLE}"
    return db.all(TaskRow, where, json.dumps(sorted(tasks)), Status.READY, *_STARTABLE_VALUES)


def task_ids_at(db: Database, paths: Collection[str]) -> frozenset[str]:
    """The ids of the tasks whose files these are."""
    return frozenset(row["id"] for row in db.query_in("SELECT id FROM tasks WHERE path IN (?)", paths))


def task_paths(db: Database, tasks: Collection[str]) -> dict[str, str]:
    """The paths of these tasks' files."""
    return {row["id"]: row["path"] for row in db.query_in("SELECT id, path FROM tasks WHERE id IN (?)", tasks)}


def tasks_touched_since(db: Database, event: int) -> frozenset[str]:
    """The tasks whose file or status was changed by events after this one."""
    rows = db.query(
        "SELECT DISTINCT t.id FROM events e JOIN tasks t ON t.path = json_extract(e.data, '$.path') WHERE e.id > ?"
        " UNION SELECT DISTINCT task FROM events WHERE id > ? AND kind = ? AND task != ''",
        event, event, EventKind.STATUS_CHANGED,
    )  # fmt: skip
    return frozenset(row["id"] for row in rows)


def done_among(db: Database, tasks: Collection[str]) -> frozenset[str]:
    """The tasks among these that are done."""
    rows = db.query_in("SELECT id, status FROM tasks WHERE id IN (?)", tasks)
    return frozenset(row["id"] for row in rows if row["status"] == Status.DONE)


def next_status_request_at(db: Database) -> float | None:
    """When the next status request takes effect; None: no request is pending."""
    return db.scalar("SELECT min(wanted_due) FROM tasks WHERE wanted != ''")


def last_requested_at(db: Database, status: Status, until: float) -> float | None:
    """When the last request for this status that is due by `until` takes effect; None: there is none."""
    return db.scalar(
        "SELECT max(wanted_due) FROM tasks WHERE wanted != '' AND wanted = ? AND wanted_due <= ?", status, until
    )


# ---- finding


def find_task_at(db: Database, path: str) -> TaskRow | None:
    """The task whose file is at this path."""
    return db.one(TaskRow, "path = ?", path)


def find_task_named(db: Database, name: str, path: str) -> TaskRow | None:
    """The task with this id, or with its file at this path."""
    return db.one(TaskRow, "id = ? OR path = ?", name, path)


def tasks_with_prefix(db: Database, prefix: str) -> list[TaskRow]:
    """Tasks whose ids begin so, whatever the case."""
    escaped = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return db.all(TaskRow, "id LIKE ? ESCAPE '\\' ORDER BY id", f"{escaped}%")


def all_tasks(db: Database) -> list[TaskRow]:
    return db.all(TaskRow)


def board_tasks(db: Database) -> list[TaskRow]:
    """Tasks that the board shows: those that are over only while their file is there."""
    marks = ", ".join("?" * len(OVER))
    return db.all(TaskRow, f"NOT (gone AND status IN ({marks}))", *sorted(OVER))


def pulled_ready_tasks(db: Database) -> list[TaskRow]:
    """Tasks that came by git as ready, and are not another instance's: they do not start by themselves."""
    return db.all(TaskRow, "pulled AND status = ? AND NOT elsewhere AND NOT gone", Status.READY)


def due_status_requests(db: Database, now: float) -> list[TaskRow]:
    """Tasks with a status that a person wrote and that takes effect now, the one that was due first in front."""
    if (first := next_status_request_at(db)) is None or first > now:
        return []
    return db.all(TaskRow, "wanted != '' AND wanted_due <= ? ORDER BY wanted_due", now)


# ---- writing


def move_task(db: Database, row: TaskRow, to: Status, reason: str, now: float, **columns: Cell) -> None:
    """Write a task's status and reason, and the event that says so. Which moves there are is the board's to know."""
    since = row.since if row.status is to else now
    db.set(TaskRow, row.id, status=to, reason=reason, since=since, **columns)
    if row.status is not to or row.reason != reason:
        db.event(now, EventKind.STATUS_CHANGED, task=row.id, old=row.status, new=to, reason=reason)


def make_status_request_due(db: Database, path: str, now: float) -> None:
    """Make the status request in this file take effect at once."""
    db.execute("UPDATE tasks SET wanted_due = ? WHERE path = ? AND wanted != ''", now, path)


def accept_task_at(db: Database, path: str) -> None:
    """The task at this path counts as written here."""
    db.execute("UPDATE tasks SET pulled = 0 WHERE path = ?", path)


def plans_without_request(db: Database) -> list[TaskRow]:
    """Tasks of this instance in review that have a plan file, and about which nothing is asked."""
    sql = (
        "status = ? AND NOT elsewhere AND NOT pulled AND NOT gone"
        " AND NOT EXISTS (SELECT 1 FROM requests r WHERE r.task = tasks.id AND r.state = ?)"
        " AND EXISTS (SELECT 1 FROM documents d WHERE d.path = 'plans/' || tasks.id || '.md' AND d.want_sha != '')"
    )
    return db.all(TaskRow, sql, Status.REVIEW, RequestState.OPEN)


def task_paths_by_id(db: Database, ids: Collection[str]) -> dict[str, str]:
    """The paths of the tasks that have one of these ids, by id."""
    return {row["id"]: row["path"] for row in db.query_in("SELECT id, path FROM tasks WHERE id IN (?)", ids)}


def remove_dependencies(db: Database, task: str) -> None:
    """Forget the ids that a task's file named as its dependencies."""
    db.execute("DELETE FROM needs WHERE task = ?", task)


def add_dependencies(db: Database, task: str, needed: Collection[str]) -> None:
    """The ids that a task's file names as its dependencies."""
    for one in needed:
        db.insert_batched("INSERT OR IGNORE INTO needs (task, needed) VALUES (?, ?)", task, one)


def delete_task(db: Database, task: str) -> None:
    """The task was never started, and its file is gone: nothing is left of it."""
    remove_dependencies(db, task)
    db.execute("DELETE FROM tasks WHERE id = ?", task)


def mark_file_missing(db: Database, path: str, *, missing: bool) -> None:
    """Whether the file of the task at this path is missing."""
    db.execute("UPDATE tasks SET gone = ? WHERE path = ? AND gone != ?", int(missing), path, int(missing))
