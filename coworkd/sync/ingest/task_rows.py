"""What a saved task file means for the task's row."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from coworkd.core.model import Problem, Status, TaskSpec
from coworkd.core.task_ids import qualify
from coworkd.core.task_states import ACTIVE, UNSTARTED
from coworkd.documents.decoding import Cowork, Decoded
from coworkd.store import Database, TaskRow
from coworkd.store.tasks import find_task
from coworkd.sync.ingest.batch_context import asked_id
from coworkd.sync.ingest.incoming_document import IncomingDocument

BODY_STILL = 1.0
"""Seconds for which the body must be unchanged before an explicit `ready` counts."""

_ELSEWHERE = ACTIVE | {Status.REVIEW}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """A status that a person wrote, and when it takes effect."""

    status: str = ""
    due: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IdTaken:
    """Another file has this task's id."""

    by: str


def resolve_task_id(db: Database, made: Decoded, holders: Mapping[str, str]) -> str | IdTaken:
    """The id of the task in this file; `holders` says by id which task has one of those that are asked for."""
    wanted = asked_id(made)
    holder = holders.get(wanted, made.path)
    if holder == made.path:
        return wanted
    if made.cowork.id:
        return IdTaken(by=holder)
    qualified = qualify(wanted, made.path.rpartition("/")[0])
    other = find_task(db, qualified)
    return IdTaken(by=other.path) if other is not None and other.path != made.path else qualified


def first_row(arrival: IncomingDocument, task: str, instance: str, quiet: float) -> TaskRow:
    """The row of a task that was never seen before: new, pulled, or found again after the database was lost."""
    spec = arrival.decoded.of(TaskSpec)
    cowork = arrival.decoded.cowork
    if arrival.from_git or (cowork.by and cowork.by != instance):
        return _foreign(_blank(arrival, task, spec, StatusRequest()), spec, cowork, pulled=arrival.from_git)
    if cowork.id:
        return _found_again(_blank(arrival, task, spec, StatusRequest()), spec)
    return _blank(arrival, task, spec, _first_wish(spec, arrival, quiet))


def _blank(arrival: IncomingDocument, task: str, spec: TaskSpec, wish: StatusRequest) -> TaskRow:
    cowork = arrival.decoded.cowork
    return TaskRow(
        id=task, path=arrival.path, title=spec.title or _heading(spec.body) or task, status=Status.DRAFT, reason="",
        since=arrival.now, agent=spec.agent, priority=spec.priority, created=arrival.changed_at,
        attempt=cowork.attempt, by=cowork.by, landed=cowork.landed, failures=0, conflict_rounds=0,
        not_before=0.0, closed_by_hand=False, requested_status=wish.status, request_due_at=wish.due,
        blocked_reason=_held(arrival),
        from_git=arrival.from_git, owned_elsewhere=False, file_missing=False, agent_used="",
        cost_usd=_number(cowork.values.get("cost_usd")), input_tokens=0, output_tokens=0, exact_id=bool(cowork.id),
        reverted=_text(cowork.values.get("reverted")),
    )  # fmt: skip


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(text: object) -> float | None:
    try:
        return float(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _heading(body: str) -> str:
    first = next((line for line in body.splitlines() if line.strip()), "")
    return first.lstrip("# ").strip()[:80]


def _held(arrival: IncomingDocument) -> str:
    problems: tuple[Problem, ...] = arrival.merged.problems
    if not arrival.merged.blocked or not problems:
        return ""
    return f"{problems[0].message} (line {problems[0].line})"


def _foreign(row: TaskRow, spec: TaskSpec, cowork: Cowork, *, pulled: bool) -> TaskRow:
    """Shown as its owner wrote it; nothing is started, reset or approved from it here."""
    status = spec.status or Status.DRAFT
    return dataclasses.replace(
        row, status=status, owned_elsewhere=bool(cowork.by) and status in _ELSEWHERE, from_git=pulled, by=cowork.by,
        closed_by_hand=_closed(row, status),
    )  # fmt: skip


def _found_again(row: TaskRow, spec: TaskSpec) -> TaskRow:
    """This instance wrote the file and has lost its database: nothing that ran is started twice."""
    status = spec.status or Status.DRAFT
    if status in ACTIVE:
        return dataclasses.replace(
            row, status=Status.PAUSED,
            reason=f"it was {status} when the database was lost; write `ready` to go on",
        )  # fmt: skip
    return dataclasses.replace(row, status=status, closed_by_hand=_closed(row, status))


def _closed(row: TaskRow, status: Status) -> bool:
    """Done without a landing, and without one that was taken back: by hand."""
    return status is Status.DONE and not row.landed and not row.reverted


def _first_wish(spec: TaskSpec, arrival: IncomingDocument, quiet: float) -> StatusRequest:
    if spec.status is None:
        return (
            StatusRequest(status=Status.READY, due=arrival.changed_at + quiet) if arrival.has_body else StatusRequest()
        )
    return StatusRequest() if spec.status is Status.DRAFT else _explicit(spec.status, arrival, quiet)


def _explicit(status: Status, arrival: IncomingDocument, quiet: float) -> StatusRequest:
    if status is not Status.READY:
        return StatusRequest(status=status, due=arrival.now)
    if not arrival.has_body:
        return StatusRequest(status=status, due=arrival.changed_at + quiet)
    return StatusRequest(status=status, due=arrival.body_changed_at + BODY_STILL)


def next_row(row: TaskRow, arrival: IncomingDocument, instance: str, quiet: float) -> TaskRow:
    """The row after its file was saved again."""
    spec, merged = arrival.decoded.of(TaskSpec), arrival.merged.of(TaskSpec)
    row = dataclasses.replace(
        row, path=arrival.path, title=merged.title or _heading(merged.body) or row.id, agent=merged.agent,
        priority=merged.priority, blocked_reason=_held(arrival), file_missing=False,
    )  # fmt: skip
    if arrival.from_git:
        return _pulled_again(row, arrival, instance)
    # An edit of a task from git does not allow it to start: only an edit of its status does.
    row = dataclasses.replace(row, from_git=row.from_git and arrival.known is not None and not _touched_status(arrival))
    wish = _wish(row, spec, arrival, quiet)
    return dataclasses.replace(row, requested_status=wish.status, request_due_at=wish.due)


def _pulled_again(row: TaskRow, arrival: IncomingDocument, instance: str) -> TaskRow:
    """New text came by git: it is shown, and starts nothing. The word of another owner is taken over as theirs."""
    cowork = arrival.decoded.cowork
    row = dataclasses.replace(row, from_git=True, requested_status="")
    if row.status in ACTIVE and not row.owned_elsewhere:
        return row
    # The instance that took over a task submitted here owns it now: two must not continue one task.
    if cowork.by and cowork.by != instance:
        return _foreign(row, arrival.decoded.of(TaskSpec), cowork, pulled=True)
    status = arrival.decoded.of(TaskSpec).status
    if row.status in UNSTARTED and status in UNSTARTED:
        return dataclasses.replace(row, status=status)
    return row


def _touched_status(arrival: IncomingDocument) -> bool:
    if arrival.unknown_rev:
        return False
    return arrival.base is None or arrival.decoded.of(TaskSpec).status is not arrival.base.of(TaskSpec).status


def _wish(row: TaskRow, spec: TaskSpec, arrival: IncomingDocument, quiet: float) -> StatusRequest:
    """What the person wants now: a word they changed, or a pending one that still stands in the file."""
    if row.owned_elsewhere:
        return StatusRequest()
    pending = StatusRequest(status=row.requested_status, due=row.request_due_at)
    if spec.status is None:
        unstarted = row.status is Status.DRAFT and not row.attempt and not arrival.decoded.cowork.id
        return _first_wish(spec, arrival, quiet) if unstarted else StatusRequest()
    if spec.status is row.status:
        return StatusRequest()
    if _touched_status(arrival):
        return _explicit(spec.status, arrival, quiet)
    return _explicit(spec.status, arrival, quiet) if pending.status == spec.status else StatusRequest()
