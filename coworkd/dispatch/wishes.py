"""Carrying out the statuses that people write."""

from __future__ import annotations

from coworkd.board.board import Board
from coworkd.lifecycle import Effect, Moved, person_writes
from coworkd.model import Status
from coworkd.store import SubmissionRow, TaskRow


def apply_wishes(board: Board, now: float) -> None:
    """Every wish whose time has come, whether it applies or is put back with a problem."""
    if board.specs.settings().run_pulled:
        _own_pulled(board, now)
    for row in board.db.all(TaskRow, "wanted != '' AND wanted_due <= ? ORDER BY wanted_due", now):
        with board.db.write():
            _apply(board, row, now)


def _own_pulled(board: Board, now: float) -> None:
    """The workspace's settings say that a `ready` which came by git counts as one typed here."""
    pulled = "pulled AND status = 'ready' AND NOT elsewhere AND NOT gone AND \"by\" IN ('', ?)"
    for row in board.db.all(TaskRow, pulled, board.db.setting("instance")):
        with board.db.write():
            board.db.set(TaskRow, row.id, pulled=False)
            board.db.event(now, "owned", task=row.id, actor="policy")


def _apply(board: Board, row: TaskRow, now: float) -> None:
    wanted = Status(row.wanted)
    board.db.set(TaskRow, row.id, wanted="", wanted_due=0.0)
    board.solved(row.path, "status")
    outcome = person_writes(row.status, wanted)
    if isinstance(outcome, Moved):
        board.db.event(now, "wish", task=row.id, actor="person", wanted=wanted, was=row.status)
        _carry_out(board, row, outcome, now)
    else:
        board.problem(row, "status", f"`status: {wanted}` was put back to `{row.status}`: {outcome.reason}", now)
        board.db.event(now, "wish refused", task=row.id, actor="person", wanted=wanted, reason=outcome.reason)
        board.project(row.id)


def _carry_out(board: Board, row: TaskRow, moved: Moved, now: float) -> None:
    match moved.effect:
        case Effect.NONE:
            board.project(row.id)
        case Effect.START | Effect.RESUME:
            _start_over(board, row, moved, now)
        case Effect.STOP:
            _end_work(board, row, str(moved.status), now)
            board.place(row, moved.status, "by hand" if not row.gone else "its file was deleted", now)
        case Effect.CLOSE:
            kept = _unmerged(board, row)
            _end_work(board, row, "closed by hand", now)
            board.place(row, Status.DONE, f"closed by hand{kept}", now, closed=True)
        case Effect.SHELVE:
            _end_work(board, row, "back to draft", now)
            board.place(row, Status.DRAFT, "", now)


def _start_over(board: Board, row: TaskRow, moved: Moved, now: float) -> None:
    """A new attempt. It hears what could not be sent while the task was over."""
    _end_work(board, row, "started anew", now)
    board.db.execute(
        "UPDATE messages SET stage = 'new', note = '' WHERE task = ? AND stage = 'unsent'"
        " AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.path = messages.path AND d.pulled)",
        row.id,
    )
    board.place(
        row, moved.status, "by hand" if row.attempt else "", now,
        failures=0, bounces=0, not_before=0.0, closed=False, pulled=False,
    )  # fmt: skip


def _end_work(board: Board, row: TaskRow, why: str, now: float) -> None:
    """End the run, if there is one, and take what was submitted out of the queue. Refs keep all of it."""
    board.stop_run(row.id, why)
    board.void_requests(row.id, now)
    board.retire_submissions(row.id, why, now)


def _unmerged(board: Board, row: TaskRow) -> str:
    latest = board.db.one(
        SubmissionRow,
        "task = ? AND state IN ('queued', 'green', 'approved', 'red', 'conflicted') ORDER BY number DESC",
        row.id,
    )
    return f"; unmerged work is kept in refs/cowork/sub/{row.id}/{latest.number}" if latest else ""
