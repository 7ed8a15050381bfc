"""Carrying out the statuses that people write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coworkd.board.approvals.answer_channel import AnswerChannel, answer_channels
from coworkd.board.approvals.unsandboxed import mark_save
from coworkd.board.task_board import Board, ColumnValue
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.core.task_states import Effect, Moved, decide_user_move
from coworkd.store import Database, TaskRow
from coworkd.store.documents import documents_with_daemon_map
from coworkd.store.messages import send_again
from coworkd.store.problems import paths_with_problem
from coworkd.store.requests import tasks_with_pending_requests
from coworkd.store.runs import tasks_with_live_runs
from coworkd.store.start_problems import SOURCE
from coworkd.store.submissions import pending_submissions, tasks_that_submitted
from coworkd.store.tasks import due_status_requests, pulled_ready_tasks

BATCH_SIZE = 200
"""Status requests carried out by one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _BatchFacts:
    """What there is beside the tasks whose status requests are carried out together."""

    active: frozenset[str]
    """Tasks that a run, a request or a submission hangs on."""
    refused: frozenset[str]
    """Files whose last word was put back."""
    written_by_daemon: frozenset[str]
    """Files that coworkd has written into, or may have: their own word may not be all they have to say."""
    channels: Mapping[str, AnswerChannel]
    """How the files were saved whose present bytes a command wrote."""


def apply_status_requests(board: Board, now: float) -> None:
    """Apply or refuse, with a problem, every status request that is due."""
    if board.specs.settings().run_pulled:
        _accept_pulled(board, now)
    due = due_status_requests(board.db, now)
    for start in range(0, len(due), BATCH_SIZE):
        some = due[start : start + BATCH_SIZE]
        with board.db.write():
            facts = _batch_facts(board.db, some)
            for row in some:
                _apply(board, row, facts, now)


def _batch_facts(db: Database, rows: Sequence[TaskRow]) -> _BatchFacts:
    ids, paths = [row.id for row in rows], [row.path for row in rows]
    return _BatchFacts(
        active=frozenset(
            {*tasks_with_live_runs(db, ids), *tasks_with_pending_requests(db), *tasks_that_submitted(db, ids)}
        ),
        refused=paths_with_problem(db, paths, "status"),
        written_by_daemon=documents_with_daemon_map(db, paths),
        channels=answer_channels(db, paths),
    )


def _accept_pulled(board: Board, now: float) -> None:
    """The workspace's settings say that a `ready` which came by git counts as one typed here."""
    ours = ("", board.db.state.instance)
    for row in [task for task in pulled_ready_tasks(board.db) if task.by in ours]:
        with board.db.write():
            board.db.set(TaskRow, row.id, from_git=False)
            board.db.event(now, EventKind.TASK_ALLOWED, task=row.id, actor="policy")


def _apply(board: Board, row: TaskRow, facts: _BatchFacts, now: float) -> None:
    wanted = Status(row.requested_status)
    if row.path in facts.refused:
        board.clear_problems(row.path, "status")
    outcome = decide_user_move(row.status, wanted)
    how = facts.channels.get(row.path, AnswerChannel.FILE)
    if isinstance(outcome, Moved):
        beside = mark_save(board.db, row.path, str(wanted), how, now)
        board.db.event(
            now,
            EventKind.STATUS_REQUESTED,
            task=row.id,
            actor="person",
            via=how,
            wanted=wanted,
            was=row.status,
            unsandboxed_run=beside,
        )
        _apply_move(board, row, outcome, facts, now)
    else:
        board.add_problem(row, "status", f"`status: {wanted}` was put back to `{row.status}`: {outcome.reason}", now)
        board.db.event(
            now,
            EventKind.STATUS_REQUEST_REFUSED,
            task=row.id,
            actor="person",
            via=how,
            wanted=wanted,
            reason=outcome.reason,
        )
        board.update(row.id, requested_status="", request_due_at=0.0)


def _apply_move(board: Board, row: TaskRow, moved: Moved, facts: _BatchFacts, now: float) -> None:
    engaged = row.id in facts.active
    reason, columns = "", dict[str, ColumnValue]()
    if moved.effect is not Effect.NONE:
        board.clear_problems(row.path, SOURCE)
    match moved.effect:
        case Effect.NONE:
            reason = row.reason
        case Effect.START | Effect.RESUME:
            reason, columns = _start_again(board, row, engaged, now)
            columns["fresh_start"] = moved.effect is Effect.START
        case Effect.STOP:
            reason = "by hand" if not row.file_missing else "its file was deleted"
            _end_work(board, row, str(moved.status), engaged, now)
        case Effect.CLOSE:
            reason = f"closed by hand{_unmerged_work_note(board, row) if engaged else ''}"
            columns = {"closed_by_hand": True}
            _end_work(board, row, "closed by hand", engaged, now)
        case Effect.SHELVE:
            _end_work(board, row, "back to draft", engaged, now)
    board.set_status_row(row, moved.status, reason, now, requested_status="", request_due_at=0.0, **columns)
    # A file that coworkd never wrote into, for a task that never ran, shows by itself what was requested.
    if row.path in facts.written_by_daemon or row.attempt:
        board.project(row.id)


def _start_again(board: Board, row: TaskRow, engaged: bool, now: float) -> tuple[str, dict[str, ColumnValue]]:
    """A new attempt. It hears what could not be sent while the task was over."""
    _end_work(board, row, "started again", engaged, now)
    send_again(board.db, row.id)
    columns: dict[str, ColumnValue] = {
        "failures": 0,
        "conflict_rounds": 0,
        "not_before": 0.0,
        "closed_by_hand": False,
        "answer_path": "",
        "from_git": False,
    }
    return "by hand" if row.attempt else "", columns


def _end_work(board: Board, row: TaskRow, why: str, engaged: bool, now: float) -> None:
    """End the run, if there is one, and take what was submitted out of the queue. Refs keep all of it."""
    if engaged:
        board.stop_runs(row.id)
        board.void_requests(row.id, now)
        board.retire_submissions(row.id, why, now)


def _unmerged_work_note(board: Board, row: TaskRow) -> str:
    pending = pending_submissions(board.db, row.id)
    return f"; unmerged work is kept in refs/cowork/sub/{row.id}/{pending[-1].number}" if pending else ""
