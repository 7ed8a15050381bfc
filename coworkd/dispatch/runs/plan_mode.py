"""Plan mode: a run that only reads ends in a plan file, and a person's yes turns its task blocks into tasks.

What is approved is the text as it was saved with the approval. Whatever the agent left changed in its tree is kept in
a ref and goes nowhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from coworkd.board.approvals.answer_channel import answer_channel
from coworkd.board.approvals.answers import reject_answer, submitted_answer, text_added_by_user
from coworkd.board.approvals.decision import (
    ApprovalDecision,
    ApprovalOutcome,
    ApprovalRequirement,
    SubmittedAnswer,
    decide,
)
from coworkd.board.approvals.requests import UserDecision
from coworkd.board.approvals.requirements import command_reason
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.plan_document import PlanText, compose_plan, plan_path
from coworkd.board.task_board import Board
from coworkd.core.errors import DocumentError
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Mode, Status
from coworkd.documents.plan_tasks import TaskBlock, names_of, task_blocks
from coworkd.store import RequestKind, RequestRow, RequestState, RunReason, RunRow, TaskRow
from coworkd.store.answers import forget_answer
from coworkd.store.documents import task_document_paths
from coworkd.store.requests import answered_in_file
from coworkd.store.runs import correct_end
from coworkd.store.tasks import all_tasks, find_task, plans_without_request

PLANNED = "its plan was approved"

MAX_GENERATIONS = 3
"""A task that a plan made may make tasks by a plan of its own, so many times over."""


class PlanRuns:
    """Plans of one workspace; used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)

    # ---- from a run to a file

    def add_plan(self, row: TaskRow, run: RunRow, kept: Sequence[str], now: float) -> None:
        """A run in plan mode has ended well: its reply is the plan. Within the transaction of the run's end."""
        spec, settings = self._board.specs.task(row.path), self._board.specs.settings()
        asked = bool(settings.approve if spec.approve is None else spec.approve)
        request = secrets.token_hex(8) if asked else ""
        path = plan_path(row.id)
        plan = PlanText(task=row.id, title=row.title, run=run.id, agent=run.agent, text=run.reply, request=request)
        self._documents.put(path, compose_plan(plan), now, persistent=asked)
        forget_answer(self._db, path)
        self._db.event(now, EventKind.PLAN_WRITTEN, task=row.id, run=run.id, path=path, kept=list(kept))
        if asked:
            self._ask_person(row.id, run.id, request, now)
            self._board.transition(row.id, Status.REVIEW, f"waits for you: {path}", now)
        else:
            self._accept_plan(row, run.reply, now)

    def _ask_person(self, task: str, run: str, request: str, now: float) -> None:
        asked = RequestRow(
            id=request, task=task, run=run, kind=RequestKind.PLAN, name="", path=plan_path(task),
            state=RequestState.OPEN, answer="", comment="", text="", created=now, number=0,
        )  # fmt: skip
        self._board.requests.add(asked, now)

    # ---- from an answer to what follows

    def decide(self, now: float) -> None:
        """Act on every answer that stands in a plan whose request is open."""
        for request in answered_in_file(self._db, RequestKind.PLAN):
            self._apply_answer(request, now)

    def _apply_answer(self, request: RequestRow, now: float) -> None:
        given, task = submitted_answer(self._db, request.path), self._board.task(request.task)
        ruling = decide(
            request.id, given, ApprovalRequirement(command_reason=command_reason(self._board.specs, request.path))
        )
        if ruling.outcome is ApprovalOutcome.NONE or task.owned_elsewhere or task.file_missing:
            return
        if ruling.outcome is ApprovalOutcome.APPROVED and (reason := _unreadable_reason(given.body, task.id)):
            ruling = ApprovalDecision(outcome=ApprovalOutcome.HELD, reason=reason)
        if ruling.outcome in (ApprovalOutcome.VOID, ApprovalOutcome.HELD):
            reject_answer(self._db, self._documents, request.path, ruling, now)
            return
        with self._db.write(durable=True):
            channel = answer_channel(self._db, request.path)
            decision = UserDecision(answer=str(ruling.outcome), comment=given.comment, channel=channel)
            if self._board.requests.consume_open(request, decision, now):
                self._apply_decision(task, request, given, ruling.outcome, now)

    def _apply_decision(
        self, task: TaskRow, request: RequestRow, given: SubmittedAnswer, ruling: ApprovalOutcome, now: float
    ) -> None:
        match ruling:
            case ApprovalOutcome.APPROVED:
                self._accept_plan(task, given.body, now)
            case ApprovalOutcome.REJECTED:
                why = f"rejected: {given.comment}" if given.comment else "rejected"
                correct_end(self._db, request.run, reason=RunReason.REJECTED, message=f"A person {why}")
                self._board.set_status(task, Status.FAILED, why, now)
            case _:
                added_text = text_added_by_user(self._db, request.path, given.body)
                self._board.add_user_message(
                    task.id, f"{request.path}#changes-{request.id}", _feedback(given.comment, added_text), now
                )
                self._board.set_status(task, Status.READY, "changes were asked for", now, failures=0, not_before=0.0)

    def _accept_plan(self, task: TaskRow, body: str, now: float) -> None:
        """The task is done, and what its plan spells out is on the board as drafts."""
        try:
            blocks = task_blocks(body, task.id)
        except DocumentError as error:
            self._board.add_problem(task, "plan", f"plans/{task.id}.md:{error.line}: {error.message}", now)
            blocks = ()
        if blocks and self._plan_depth(task) >= MAX_GENERATIONS:
            message = (
                f"its plan makes no tasks: it was itself made by a plan, {MAX_GENERATIONS} times over; write the tasks"
                f" of plans/{task.id}.md yourself"
            )
            self._board.add_problem(task, "plan", message, now)
            blocks = ()
        names = self._create_tasks(blocks, now)
        what = f"{PLANNED}; drafts: {', '.join(names)}" if names else PLANNED
        self._board.set_status(task, Status.DONE, what, now, closed_by_hand=True, failures=0)

    def _plan_depth(self, task: TaskRow) -> int:
        """How many plans, one made by another, lie above a task; no more than matter are counted."""
        generation, above = 0, self._board.specs.task(task.path).plan
        while generation < MAX_GENERATIONS and (row := find_task(self._db, above)) is not None:
            generation, above = generation + 1, self._board.specs.task(row.path).plan
        return generation

    def _create_tasks(self, blocks: tuple[TaskBlock, ...], now: float) -> list[str]:
        taken = {task.id: task.path for task in all_tasks(self._db)}
        taken |= {path[len("tasks/") : -len(".md")]: path for path in task_document_paths(self._db)}
        named = names_of(blocks, taken)
        for name, block in named.items():
            self._board.create_task(f"tasks/{name}.md", block.data, now)
        return list(named)

    # ---- after the database was lost

    def restore_requests(self, now: float) -> None:
        """A task in review whose plan stands there unanswered has lost its request: a person is asked again."""
        for task in plans_without_request(self._db):
            if self._board.specs.task(task.path).mode is not Mode.PLAN:
                continue
            request = secrets.token_hex(8)
            with self._db.write(durable=True):
                path = plan_path(task.id)
                self._documents.edit(path, {("approval",): "pending", ("cowork", "request"): request})
                forget_answer(self._db, path)
                self._ask_person(task.id, "", request, now)
                self._db.event(now, EventKind.PLAN_FOUND_AGAIN, task=task.id, path=path)


def _unreadable_reason(body: str, task: str) -> str:
    """Why a plan cannot be accepted as it stands; empty when it can."""
    try:
        task_blocks(body, task)
    except DocumentError as error:
        return f"line {error.line} of the text: {error.message}; correct it and approve again"
    return ""


def _feedback(comment: str, added_text: str) -> str:
    return "\n\n".join(part for part in (comment, added_text) if part) or "Please look at your plan once more."
