"""What people are asked: every statement about requests, and the only place that writes the state of one.

A move and its event are written by one function, and only a move that `core.request_states` has.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from coworkd.core.errors import StoreError
from coworkd.core.model import Answer
from coworkd.core.request_states import PENDING_STATES, REQUEST_STATES, RequestState
from coworkd.store.database import Database
from coworkd.store.events import NewEvent, add_event
from coworkd.store.rows import RequestKind, RequestRow

_PENDING = tuple(sorted(PENDING_STATES))
_APPROVALS = (RequestKind.TOOL, RequestKind.MERGE, RequestKind.PLAN, RequestKind.CHOICE)
"""What is answered with approved or rejected; a question is answered in words."""


# ---- writing


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMove:
    """A request that goes from one of some states to another; None leaves a value as it is."""

    request: str
    of: Collection[RequestState]
    """The states in which it may be now; in any other state an earlier change won, and this one is dropped."""
    to: RequestState
    answer: str | None = None
    comment: str | None = None
    answered_by: str | None = None
    number: int | None = None


def add_request(db: Database, request: RequestRow, event: NewEvent) -> None:
    """A new request, and the event that says so."""
    db.put(request)
    add_event(db, event)


def move_request(db: Database, move: RequestMove, event: NewEvent) -> bool:
    """Move a request by compare-and-swap and write its event; False when it stands elsewhere, and nothing is written.

    Raises `StoreError` for a move that the state machine does not have.
    """
    for current in move.of:
        if reason := REQUEST_STATES.refusal_reason(current, move.to):
            raise StoreError(reason)
    states = tuple(sorted(move.of))
    moved = db.execute(
        "UPDATE requests SET state = ?, answer = coalesce(?, answer), comment = coalesce(?, comment),"
        " answered_by = coalesce(?, answered_by), number = coalesce(?, number)"
        f" WHERE id = ? AND state IN ({_marks(states)})",
        move.to, move.answer, move.comment, move.answered_by, move.number, move.request, *states,
    )  # fmt: skip
    if moved:
        add_event(db, event)
    return bool(moved)


# ---- reading: one request


def find_request(db: Database, request: str) -> RequestRow | None:
    return db.one(RequestRow, "id = ?", request)


def find_open_request(db: Database, request: str) -> RequestRow | None:
    """The request with this id, while it is unanswered."""
    return db.one(RequestRow, "id = ? AND state = ?", request, RequestState.OPEN)


def find_used_approval(db: Database, request: str) -> RequestRow | None:
    """The request with this id, if it was approved and the approval was used."""
    return db.one(
        RequestRow, "id = ? AND state = ? AND answer = ?", request, RequestState.USED, Answer.APPROVED
    )  # fmt: skip


def latest_request_in(db: Database, path: str) -> RequestRow | None:
    """The latest request in a file, in any state."""
    return db.one(RequestRow, "path = ? ORDER BY created DESC", path)


def find_reported(db: Database, run: str, name: str) -> RequestRow | None:
    """The request of a run with this name; an agent may report the same request again."""
    return db.one(RequestRow, "run = ? AND name = ? AND state != ?", run, name, RequestState.VOID)


# ---- reading: what is open


def open_requests(db: Database) -> list[RequestRow]:
    """Everything that a person has not answered yet, oldest first."""
    return db.all(RequestRow, "state = ? ORDER BY created, id", RequestState.OPEN)


def open_requests_of_kinds(db: Database, kinds: Collection[RequestKind]) -> list[RequestRow]:
    """Everything of these kinds that a person has not answered yet, oldest first."""
    sql = f"state = ? AND kind IN ({_marks(kinds)}) ORDER BY created, id"
    return db.all(RequestRow, sql, RequestState.OPEN, *kinds)


def open_reviews(db: Database) -> list[RequestRow]:
    """Changes that a person has not answered yet, oldest first."""
    return db.all(RequestRow, "state = ? AND kind = ? ORDER BY created, id", RequestState.OPEN, RequestKind.MERGE)


def open_requests_of_run(db: Database, run: str) -> list[RequestRow]:
    return db.all(RequestRow, "run = ? AND state = ? ORDER BY created", run, RequestState.OPEN)


def open_questions(db: Database, task: str) -> list[RequestRow]:
    """Unanswered questions of a task, the newest first."""
    sql = "task = ? AND kind = ? AND state = ? ORDER BY created DESC"
    return db.all(RequestRow, sql, task, RequestKind.QUESTION, RequestState.OPEN)


def open_approvals_named(db: Database, name: str) -> list[RequestRow]:
    """Open requests for an approval that a person may mean by `name`: a task, an id, or a file."""
    return db.all(
        RequestRow,
        f"state = ? AND kind IN ({_marks(_APPROVALS)}) AND (task = ? OR id = ? OR path = ? OR path = ?)"
        " ORDER BY created",
        RequestState.OPEN, *_APPROVALS, name, name, name, f"approvals/{name}.md",
    )  # fmt: skip


def tasks_with_open_approvals(db: Database) -> list[str]:
    """Tasks about which a person is asked for an approval."""
    rows = db.query(
        f"SELECT DISTINCT task FROM requests WHERE state = ? AND kind IN ({_marks(_APPROVALS)}) ORDER BY task",
        RequestState.OPEN, *_APPROVALS,
    )  # fmt: skip
    return [row["task"] for row in rows]


def has_open_request_in(db: Database, path: str) -> bool:
    """Whether an answer in this file is waited for."""
    return bool(db.scalar("SELECT 1 FROM requests WHERE path = ? AND state = ?", path, RequestState.OPEN))


def open_choice(db: Database, task: str) -> RequestRow | None:
    """What a person is asked to choose from for a task."""
    sql = "task = ? AND state = ? AND kind = ? ORDER BY created DESC"
    return db.one(RequestRow, sql, task, RequestState.OPEN, RequestKind.CHOICE)


def answered_in_file(db: Database, kind: RequestKind) -> list[RequestRow]:
    """Open requests of this kind whose file holds an answer that is not decided yet."""
    with_answer = "EXISTS (SELECT 1 FROM answers a WHERE a.path = requests.path AND (a.answer != ? OR a.choose != ''))"
    sql = f"kind = ? AND state = ? AND {with_answer} ORDER BY created"
    return db.all(RequestRow, sql, kind, RequestState.OPEN, Answer.PENDING)


def expired_permissions(db: Database, now: float) -> list[RequestRow]:
    """Permissions that were not answered in time."""
    if (first := next_expiry(db)) is None or first > now:
        return []
    return db.all(RequestRow, "state = ? AND kind = ? AND expires <= ?", RequestState.OPEN, RequestKind.TOOL, now)


def next_expiry(db: Database) -> float | None:
    """When the next open permission request expires."""
    sql = "SELECT min(expires) FROM requests WHERE state = ? AND kind = ?"
    at: float | None = db.scalar(sql, RequestState.OPEN, RequestKind.TOOL)
    return at


# ---- reading: what is pending


def pending_requests(db: Database, task: str) -> list[RequestRow]:
    """Requests of a task that are open, or answered and not acted on."""
    return db.all(RequestRow, f"task = ? AND state IN ({_marks(_PENDING)})", task, *_PENDING)


def all_pending_requests(db: Database) -> list[RequestRow]:
    return db.all(RequestRow, f"state IN ({_marks(_PENDING)})", *_PENDING)


def has_pending_request(db: Database, run: str) -> bool:
    """Whether a run still waits for an answer, or has one that it has not been given."""
    sql = f"SELECT 1 FROM requests WHERE run = ? AND state IN ({_marks(_PENDING)})"
    return bool(db.scalar(sql, run, *_PENDING))


def tasks_with_pending_requests(db: Database) -> list[str]:
    """Tasks that have a pending request."""
    rows = db.query(f"SELECT DISTINCT task FROM requests WHERE state IN ({_marks(_PENDING)})", *_PENDING)
    return [row["task"] for row in rows]


def answers_to_deliver(db: Database) -> list[RequestRow]:
    """Answered questions and permissions that their agents have not been given, oldest first."""
    kinds = (RequestKind.QUESTION, RequestKind.TOOL)
    sql = f"state = ? AND kind IN ({_marks(kinds)}) ORDER BY created"
    return db.all(RequestRow, sql, RequestState.ANSWERED, *kinds)


# ---- reading: what is over


def used_answers(db: Database, run: str) -> list[RequestRow]:
    """Requests of a run whose answers were handed over, in the order in which they were asked."""
    return db.all(RequestRow, "run = ? AND state = ? ORDER BY created", run, RequestState.USED)


def decisions_of_run(db: Database, run: str) -> list[RequestRow]:
    """Every permission, question and plan of a run, in the order in which they were asked."""
    kinds = (RequestKind.TOOL, RequestKind.QUESTION, RequestKind.PLAN)
    return db.all(RequestRow, f"run = ? AND kind IN ({_marks(kinds)}) ORDER BY created, id", run, *kinds)


def late_answers(db: Database) -> list[tuple[str, str]]:
    """Path and task of every yes in a file whose request is asked no more, and nothing else is asked in that file."""
    rows = db.query(
        "SELECT r.path, r.task FROM requests r JOIN answers a ON a.path = r.path AND a.request = r.id"
        " WHERE r.state = ? AND r.answer = '' AND a.answer IN (?, ?)"
        " AND NOT EXISTS (SELECT 1 FROM requests o WHERE o.path = r.path AND o.state = ?)",
        RequestState.VOID, Answer.APPROVED, Answer.CHANGES, RequestState.OPEN,
    )  # fmt: skip
    return [(row["path"], row["task"]) for row in rows]


def _marks(values: Collection[object]) -> str:
    """Placeholders for these values."""
    return ", ".join("?" * len(values))
