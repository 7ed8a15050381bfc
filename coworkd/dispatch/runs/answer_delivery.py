"""Answers of people to permission requests and questions, on their way to agents."""

from __future__ import annotations

from dataclasses import replace

from coworkd.board.approvals.answer_channel import answer_channel
from coworkd.board.approvals.answers import reject_answer, submitted_answer
from coworkd.board.approvals.decision import ApprovalDecision, ApprovalOutcome, SubmittedAnswer, decide
from coworkd.board.approvals.requests import UserDecision
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.core.runs import WaitingState, WorkingState
from coworkd.core.task_states import OVER
from coworkd.dispatch.executors.port import Executor
from coworkd.dispatch.runs.delivery_rules import can_receive_answers, inbox_answer, task_over_reason, waiting_seconds
from coworkd.dispatch.runs.grants import Grants, invalid_grant_reason
from coworkd.dispatch.runs.permission_requests import PermissionRequests
from coworkd.store import RequestKind, RequestRow, RunRow
from coworkd.store.requests import (
    answered_in_file,
    answers_to_deliver,
    late_answers,
    open_requests_of_run,
)
from coworkd.store.runs import (
    find_live_run,
    find_run,
    live_runs_of,
    move_run,
    run_event,
)
from coworkd.store.tasks import find_task


class AnswerDelivery:
    """Delivers each answer at most once; used by the writer thread alone."""

    def __init__(self, board: Board, executor: Executor) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._executor = executor
        self._grants = Grants(board)
        self._permission_requests = PermissionRequests(board)
        self._requests = board.requests

    def deadline(self) -> float | None:
        """When the next permission expires that has no answer."""
        return self._permission_requests.deadline()

    def apply_permissions(self, now: float) -> None:
        """Process every answered approval form; permission requests that expired unanswered are requested again."""
        self._permission_requests.expire(now)
        self._return_late_answers(now)
        for request in answered_in_file(self._db, RequestKind.TOOL):
            self._apply_answer(request, now)

    def _apply_answer(self, request: RequestRow, now: float) -> None:
        given, how = submitted_answer(self._db, request.path), answer_channel(self._db, request.path)
        ruling = _checked_grant(request, given, decide(request.id, given))
        if ruling.outcome is ApprovalOutcome.APPROVED:
            ruling = decide(request.id, given, self._permission_requests.approval_requirement(request, given))
        match ruling.outcome:
            case ApprovalOutcome.APPROVED | ApprovalOutcome.REJECTED | ApprovalOutcome.CHANGES:
                decision = UserDecision(
                    answer=str(ruling.outcome), comment=given.comment, channel=how, signer=given.signer
                )  # fmt: skip
                with self._db.write(durable=True):
                    if self._requests.answer(request, decision, now) and ruling.outcome is ApprovalOutcome.APPROVED:
                        self._grants.add(request, given, self._agent_of(request), now)
            case ApprovalOutcome.NONE:
                pass
            case ApprovalOutcome.VOID | ApprovalOutcome.HELD:
                reject_answer(self._db, self._documents, request.path, ruling, now)

    def _return_late_answers(self, now: float) -> None:
        """An approval of a request that is no longer open is put back, and this is reported."""
        for path, task in late_answers(self._db):
            ruling = decide("", submitted_answer(self._db, path))
            row = find_task(self._db, task)
            if row is not None and row.status in OVER and ruling.outcome is ApprovalOutcome.VOID:
                ruling = ApprovalDecision(
                    outcome=ApprovalOutcome.VOID, reason=f"nothing waits for this answer: {task_over_reason(row)}"
                )
            reject_answer(self._db, self._documents, path, ruling, now)

    def _agent_of(self, request: RequestRow) -> str:
        run = find_run(self._db, request.run)
        return run.agent if run else ""

    # ---- to the agents

    def deliver_answers(self, now: float) -> None:
        """Deliver every answer to its agent, or keep it for the run's next start."""
        for request in answers_to_deliver(self._db):
            run = find_live_run(self._db, request.run)
            if run is None:
                with self._db.write():
                    self._requests.void(request, now)
                continue
            if not self._permission_requests.is_unchanged(request):
                with self._db.write(durable=True):
                    self._permission_requests.ask_again(request, "it was no longer what had been answered", now)
                continue
            alive = can_receive_answers(run, self._executor.alive())
            if self._mark_used(request, run, now, alive=alive) and alive:
                self._executor.answer(run.id, request.name, inbox_answer(request))

    def _mark_used(self, request: RequestRow, run: RunRow, now: float, *, alive: bool) -> bool:
        """Single use: from here on the answer is used, and after a crash it is delivered again from the inbox only."""
        with self._db.write(durable=True):
            if not self._requests.consume_answered(request, run.start.epoch if alive else run.start.epoch + 1, now):
                return False
            if request.kind is RequestKind.TOOL:
                self._documents.edit(request.path, {("cowork", "state"): "used"})
            if alive and isinstance(run.state, WaitingState) and not open_requests_of_run(self._db, run.id):
                event = run_event(run, now, EventKind.RUN_CONTINUED)
                live = replace(run.live, waiting_seconds=waiting_seconds(run, now))
                move_run(self._db, run.id, WorkingState(), event, live=live)
                if not any(isinstance(other.state, WaitingState) for other in live_runs_of(self._db, run.task)):
                    self._board.transition(request.task, Status.RUNNING, "", now)
        return True


def _checked_grant(request: RequestRow, given: SubmittedAnswer, ruling: ApprovalDecision) -> ApprovalDecision:
    """An approval whose `grant` differs from what was requested is held."""
    reason = invalid_grant_reason(request, given) if ruling.outcome is ApprovalOutcome.APPROVED else ""
    return ApprovalDecision(outcome=ApprovalOutcome.HELD, reason=reason) if reason else ruling
