"""What a saved task file means for the task's row."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from coworkd.core.model import Problem, Status, TaskSpec
from coworkd.core.plan_order import order_text
from coworkd.core.task_ids import qualify
from coworkd.core.task_states import ACTIVE, UNSTARTED
from coworkd.documents.decoding import Cowork, Decoded
from coworkd.store import Database, TaskRow
from coworkd.store.tasks import find_task
from coworkd.sync.ingest.batch_context import requested_id
from coworkd.sync.ingest.incoming_document import IncomingDocument

BODY_STILL = 1.0
"""Seconds for which the body must be unchanged before an explicit `ready` counts."""

_OWNED_ELSEWHERE = ACTIVE | {Status.REVIEW}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """A status that a person wrote, and when it takes effect."""

    status: str = ""
    due: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IdTaken:
    """Another file has this task's id."""

    by: str


def resolve_task_id(db: Database, decoded: Decoded, task_paths: Mapping[str, str]) -> str | IdTaken:
    """The id of the task in this file; `task_paths` has, by id, the file that has a requested one."""
    requested = requested_id(decoded)
    holder = task_paths.get(requested, decoded.path)
    if holder == decoded.path:
        return requested
    if decoded.cowork.id:
        return IdTaken(by=holder)
    qualified = qualify(requested, decoded.path.rpartition("/")[0])
    other = find_task(db, qualified)
    return IdTaken(by=other.path) if other is not None and other.path != decoded.path else qualified


def first_row(incoming: IncomingDocument, task: str, instance: str, quiet: float) -> TaskRow:
    """The row of a task that was never seen before: new, pulled, or found again after the database was lost."""
    spec = incoming.decoded.of(TaskSpec)
    cowork = incoming.decoded.cowork
    if incoming.from_git or (cowork.by and cowork.by != instance):
        return _foreign_row(_new_row(incoming, task, spec, StatusRequest()), spec, cowork, pulled=incoming.from_git)
    if cowork.id:
        return _restored_row(_new_row(incoming, task, spec, StatusRequest()), spec)
    return _new_row(incoming, task, spec, _first_request(spec, incoming, quiet))


def _new_row(incoming: IncomingDocument, task: str, spec: TaskSpec, request: StatusRequest) -> TaskRow:
    cowork = incoming.decoded.cowork
    return TaskRow(
        id=task, path=incoming.path, title=spec.title or _heading(spec.body) or task, status=Status.DRAFT, reason="",
        since=incoming.now, agent=spec.agent, priority=spec.priority, created=incoming.changed_at,
        attempt=cowork.attempt, by=cowork.by, landed=cowork.landed, failures=0, conflict_rounds=0,
        not_before=0.0, closed_by_hand=False, requested_status=request.status, request_due_at=request.due,
        blocked_reason=_blocked_reason(incoming),
        from_git=incoming.from_git, owned_elsewhere=False, file_missing=False, agent_used="",
        cost_usd=_number(cowork.values.get("cost_usd")), input_tokens=0, output_tokens=0, exact_id=bool(cowork.id),
        reverted=_text(cowork.values.get("reverted")), stack=spec.stack,
        answer_path=_text(cowork.values.get("answer")), plan=spec.plan, order=order_text(spec.order), size=spec.size,
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


def _blocked_reason(incoming: IncomingDocument) -> str:
    problems: tuple[Problem, ...] = incoming.merged.problems
    if not incoming.merged.blocked or not problems:
        return ""
    return f"{problems[0].message} (line {problems[0].line})"


def _foreign_row(row: TaskRow, spec: TaskSpec, cowork: Cowork, *, pulled: bool) -> TaskRow:
    """A task as its owner wrote it; nothing is started, reset or approved from it here."""
    status = spec.status or Status.DRAFT
    return dataclasses.replace(
        row, status=status, owned_elsewhere=bool(cowork.by) and status in _OWNED_ELSEWHERE, from_git=pulled,
        by=cowork.by, closed_by_hand=_is_closed_by_hand(row, status),
    )  # fmt: skip


def _restored_row(row: TaskRow, spec: TaskSpec) -> TaskRow:
    """A task whose file this instance wrote before it lost its database: nothing that ran is started twice."""
    status = spec.status or Status.DRAFT
    if status in ACTIVE:
        return dataclasses.replace(
            row, status=Status.PAUSED,
            reason=f"it was {status} when the database was lost; write `ready` to go on",
        )  # fmt: skip
    return dataclasses.replace(row, status=status, closed_by_hand=_is_closed_by_hand(row, status))


def _is_closed_by_hand(row: TaskRow, status: Status) -> bool:
    """Whether it is done without a landing, without one that was taken back, and without an answer."""
    return status is Status.DONE and not (row.landed or row.reverted or row.answer_path)


def _first_request(spec: TaskSpec, incoming: IncomingDocument, quiet: float) -> StatusRequest:
    if spec.status is None:
        return (
            StatusRequest(status=Status.READY, due=incoming.changed_at + quiet)
            if incoming.has_body
            else StatusRequest()
        )
    return StatusRequest() if spec.status is Status.DRAFT else _explicit_request(spec.status, incoming, quiet)


def _explicit_request(status: Status, incoming: IncomingDocument, quiet: float) -> StatusRequest:
    if status is not Status.READY:
        return StatusRequest(status=status, due=incoming.now)
    if not incoming.has_body:
        return StatusRequest(status=status, due=incoming.changed_at + quiet)
    return StatusRequest(status=status, due=incoming.body_changed_at + BODY_STILL)


def next_row(row: TaskRow, incoming: IncomingDocument, instance: str, quiet: float) -> TaskRow:
    """The row after its file was saved again."""
    spec, merged = incoming.decoded.of(TaskSpec), incoming.merged.of(TaskSpec)
    row = dataclasses.replace(
        row, path=incoming.path, title=merged.title or _heading(merged.body) or row.id, agent=merged.agent,
        priority=merged.priority, stack=merged.stack, plan=merged.plan, order=order_text(merged.order),
        size=merged.size, blocked_reason=_blocked_reason(incoming), file_missing=False,
    )  # fmt: skip
    if incoming.from_git:
        return _pulled_row(row, incoming, instance)
    # An edit of a task from git does not allow it to start: only an edit of its status does.
    row = dataclasses.replace(
        row, from_git=row.from_git and incoming.known is not None and not _has_edited_status(incoming)
    )
    request = _status_request(row, spec, incoming, quiet)
    return dataclasses.replace(row, requested_status=request.status, request_due_at=request.due)


def _pulled_row(row: TaskRow, incoming: IncomingDocument, instance: str) -> TaskRow:
    """New text came by git: it is shown, and starts nothing. What another owner says of its status is taken over."""
    cowork = incoming.decoded.cowork
    row = dataclasses.replace(row, from_git=True, requested_status="")
    if row.status in ACTIVE and not row.owned_elsewhere:
        return row
    # The instance that took over a task submitted here owns it now: two must not continue one task.
    if cowork.by and cowork.by != instance:
        return _foreign_row(row, incoming.decoded.of(TaskSpec), cowork, pulled=True)
    status = incoming.decoded.of(TaskSpec).status
    if row.status in UNSTARTED and status in UNSTARTED:
        return dataclasses.replace(row, status=status)
    return row


def _has_edited_status(incoming: IncomingDocument) -> bool:
    if incoming.unknown_rev:
        return False
    return incoming.base is None or incoming.decoded.of(TaskSpec).status is not incoming.base.of(TaskSpec).status


def _status_request(row: TaskRow, spec: TaskSpec, incoming: IncomingDocument, quiet: float) -> StatusRequest:
    """What the person requests now: a status that they edited, or a pending one that the file still has."""
    if row.owned_elsewhere:
        return StatusRequest()
    pending = StatusRequest(status=row.requested_status, due=row.request_due_at)
    if spec.status is None:
        unstarted = row.status is Status.DRAFT and not row.attempt and not incoming.decoded.cowork.id
        return _first_request(spec, incoming, quiet) if unstarted else StatusRequest()
    if spec.status is row.status:
        return StatusRequest()
    if _has_edited_status(incoming):
        return _explicit_request(spec.status, incoming, quiet)
    return _explicit_request(spec.status, incoming, quiet) if pending.status == spec.status else StatusRequest()
