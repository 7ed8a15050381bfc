"""Handing over what people wrote: messages, answers to questions, decisions on permissions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from coworkd.agents.port import AnswerDecision, InboxAnswer
from coworkd.board.approvals.answer_channel import answer_channel
from coworkd.board.approvals.answers import reject_answer, submitted_answer
from coworkd.board.approvals.decision import ApprovalDecision, ApprovalOutcome, SubmittedAnswer, decide
from coworkd.board.approvals.requests import UserDecision
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.task_board import Board
from coworkd.core.model import Status, TaskSpec
from coworkd.core.task_states import OVER, Effect
from coworkd.dispatch.executors.port import Executor
from coworkd.dispatch.runs.grants import Grants, invalid_grant_reason
from coworkd.dispatch.runs.permission_requests import PermissionRequests
from coworkd.documents.typos import suggestion
from coworkd.store import MessageRow, RequestKind, RequestRow, RunRow, RunState, TaskRow
from coworkd.store.messages import due_messages, next_message_due_at, set_note, set_unsent
from coworkd.store.requests import (
    answered_in_file,
    answers_to_deliver,
    late_answers,
    open_questions,
    open_requests_of_run,
)
from coworkd.store.runs import (
    edited_task_texts,
    find_live_run,
    find_run,
    live_runs_of,
    move_run,
    run_event,
    update_run,
)
from coworkd.store.tasks import find_task, task_ids
from coworkd.sync.disk.folder import digest
from coworkd.sync.effective_specs import decoded

EDITED_TASK_NAME = "task-edited.md"
"""Under this name an agent at work finds the text of its task when it was edited meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edited:
    """A task whose text is no longer the one that its agent was given."""

    run: str
    task: str
    body: str
    due: float


class Delivery:
    """Delivers each message and each answer at most once; used by the writer thread alone."""

    def __init__(self, board: Board, executor: Executor) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._executor = executor
        self._grants = Grants(board)
        self._permission_requests = PermissionRequests(board)
        self._requests = board.requests

    # ---- messages

    def messages(self, now: float) -> None:
        """Every message whose quiet time is over, to where its task stands."""
        for message in due_messages(self._db, now):
            row = find_task(self._db, message.task)
            if row is None:
                self._keep(message, self._no_task_reason(message.task))
            else:
                self._deliver(message, row, now)

    def _no_task_reason(self, task: str) -> str:
        close = suggestion(task, task_ids(self._db))
        return f"there is no task `{task}`, and it is sent once there is one{close}"

    def _deliver(self, message: MessageRow, row: TaskRow, now: float) -> None:
        question = self._question(message)
        if question is not None:
            self._answer_question(question, message, now)
            return
        match row.status:
            case Status.RUNNING | Status.WAITING:
                self._steer(message, row, now)
            case Status.REVIEW | Status.FAILED:
                self._new_attempt(message, row, now)
            case Status.DONE | Status.CANCELLED:
                with self._db.write():
                    set_unsent(self._db, message.path, _over_reason(row))
            case Status.DRAFT | Status.READY | Status.MERGING | Status.PAUSED:
                self._keep(message, "")

    def _keep(self, message: MessageRow, note: str) -> None:
        if message.note != note:
            with self._db.write():
                set_note(self._db, message.path, note)

    def _question(self, message: MessageRow) -> RequestRow | None:
        """The open question a message answers: the one it names, else the newest."""
        asked = open_questions(self._db, message.task)
        if message.reply_to:
            named = [request for request in asked if PurePosixPath(request.path).stem == message.reply_to]
            return named[0] if named else None
        return asked[0] if asked else None

    def _answer_question(self, question: RequestRow, message: MessageRow, now: float) -> None:
        with self._db.write(durable=True):
            self._documents.mark_delivered(message, question.run, now)
            channel = answer_channel(self._db, message.path)
            reply = UserDecision(answer=str(AnswerDecision.REPLY), comment=message.body, channel=channel)
            self._requests.reply(question, reply, message.path, now)

    def _steer(self, message: MessageRow, row: TaskRow, now: float) -> None:
        """To every agent at work on the task; while there is none, the message waits."""
        runs = live_runs_of(self._db, row.id)
        if not runs and row.status is Status.WAITING:
            self._board.update(row.id, conflict_rounds=0)
            self._board.transition(row.id, Status.RUNNING, "a message asks for another round", now)
        hearing = [run for run in runs if self._hears(run)]
        if not hearing:
            return
        with self._db.write(durable=True):
            self._documents.mark_delivered(message, hearing[0].id, now)
        name = PurePosixPath(message.path.split("#")[0]).name
        for run in hearing:
            self._executor.deliver(run.id, name, message.body)

    def _new_attempt(self, message: MessageRow, row: TaskRow, now: float) -> None:
        """The message itself goes into the prompt of that attempt, and gets its receipt then."""
        with self._db.write():
            self._board.retire_submissions(row.id, "a message asked for a new attempt", now)
            self._board.void_requests(row.id, now)
            self._board.set_status(
                row, Status.READY, "a message asks for a new attempt", now, failures=0, not_before=0.0
            )
            self._db.event(now, "wish", task=row.id, actor="person", via=answer_channel(self._db, message.path),
                           wanted=Effect.START, path=message.path)  # fmt: skip

    def deadline(self, now: float) -> float | None:
        """When the next quiet time of a message or of an edited task is over."""
        due = next_message_due_at(self._db, now)
        edited = (edited.due for edited in self._edited())
        times = [at for at in (due, self._permission_requests.deadline(), *edited) if at is not None and at > now]
        return min(times, default=None)

    # ---- edits of the task itself

    def edits(self, now: float) -> None:
        """The text of a task that was edited while its agent works, as a steering message."""
        for edited in self._edited():
            if edited.due <= now and edited.run in self._executor.alive():
                with self._db.write(durable=True):
                    update_run(self._db, edited.run, text_sha=digest(edited.body.encode()))
                    self._db.event(now, "steered", task=edited.task, run=edited.run)
                self._executor.deliver(edited.run, EDITED_TASK_NAME, edited.body)

    def _edited(self) -> list[_Edited]:
        texts = edited_task_texts(self._db)
        quiet = self._board.specs.settings().quiet if texts else 0.0
        bodies = [(text, decoded(text.path, text.text).of(TaskSpec).body) for text in texts]
        return [
            _Edited(run=text.run, task=text.task, body=body, due=text.changed_at + quiet)
            for text, body in bodies
            if digest(body.encode()) != text.handed_sha
        ]

    # ---- permissions

    def permissions(self, now: float) -> None:
        """Process every answered approval form; permissions that expired unanswered are requested again."""
        self._permission_requests.expire(now)
        self._late(now)
        for request in answered_in_file(self._db, RequestKind.TOOL):
            self._rule(request, now)

    def _rule(self, request: RequestRow, now: float) -> None:
        given, how = submitted_answer(self._db, request.path), answer_channel(self._db, request.path)
        ruling = _held_by_grant(request, given, decide(request.id, given))
        if ruling.outcome is ApprovalOutcome.APPROVED:
            ruling = decide(request.id, given, self._permission_requests.demand(request, given))
        match ruling.outcome:
            case ApprovalOutcome.APPROVED | ApprovalOutcome.REJECTED | ApprovalOutcome.CHANGES:
                said = UserDecision(
                    answer=str(ruling.outcome), comment=given.comment, channel=how, signer=given.signer
                )  # fmt: skip
                with self._db.write(durable=True):
                    if self._requests.answer(request, said, now) and ruling.outcome is ApprovalOutcome.APPROVED:
                        self._grants.give(request, given, self._agent(request), now)
            case ApprovalOutcome.NONE:
                pass
            case ApprovalOutcome.VOID | ApprovalOutcome.HELD:
                reject_answer(self._db, self._documents, request.path, ruling, now)

    def _late(self, now: float) -> None:
        """An approval of a request that is no longer open is put back, and this is reported."""
        for path, task in late_answers(self._db):
            ruling = decide("", submitted_answer(self._db, path))
            row = find_task(self._db, task)
            if row is not None and row.status in OVER and ruling.outcome is ApprovalOutcome.VOID:
                ruling = ApprovalDecision(
                    outcome=ApprovalOutcome.VOID, reason=f"nothing waits for this answer: {_over_reason(row)}"
                )
            reject_answer(self._db, self._documents, path, ruling, now)

    def _agent(self, request: RequestRow) -> str:
        run = find_run(self._db, request.run)
        return run.agent if run else ""

    # ---- to the agents

    def answers(self, now: float) -> None:
        """Give every answer to its agent, or keep it for the run's next start."""
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
            alive = self._hears(run)
            if self._use(request, run, now, alive=alive) and alive:
                self._executor.answer(run.id, request.name, inbox_answer(request))

    def _hears(self, run: RunRow) -> bool:
        """Whether an agent is there to be told; one whose end is known already hears nothing, though it may linger."""
        return not run.reason and run.id in self._executor.alive()

    def _use(self, request: RequestRow, run: RunRow, now: float, *, alive: bool) -> bool:
        """Single use: from here on the answer is spent, and a crash hands it over again from the inbox only."""
        with self._db.write(durable=True):
            if not self._requests.consume_answered(request, run.epoch if alive else run.epoch + 1, now):
                return False
            if request.kind is RequestKind.TOOL:
                self._documents.edit(request.path, {("cowork", "state"): "used"})
            if alive and run.state is RunState.WAITING and not open_requests_of_run(self._db, run.id):
                event = run_event(run, now, "run goes on")
                move_run(self._db, run.id, RunState.WORKING, event, waiting_seconds=waiting_seconds(run, now))
                if not any(other.state is RunState.WAITING for other in live_runs_of(self._db, run.task)):
                    self._board.transition(request.task, Status.RUNNING, "", now)
        return True


def _over_reason(row: TaskRow) -> str:
    how = " (closed by hand)" if row.closed_by_hand else ""
    return f"the task is {row.status}{how}; `coworkd ready {row.id}` starts it again"


def waiting_seconds(run: RunRow, now: float) -> float:
    """Seconds that a waiting run has waited in all."""
    return run.waiting_seconds + max(now - run.waiting_since, 0.0) if run.waiting_since else run.waiting_seconds


def _held_by_grant(request: RequestRow, given: SubmittedAnswer, ruling: ApprovalDecision) -> ApprovalDecision:
    """An approval whose `grant` differs from what was requested is held."""
    reason = invalid_grant_reason(request, given) if ruling.outcome is ApprovalOutcome.APPROVED else ""
    return ApprovalDecision(outcome=ApprovalOutcome.HELD, reason=reason) if reason else ruling


def inbox_answer(request: RequestRow) -> InboxAnswer:
    """An answered request as its agent hears it."""
    decision = AnswerDecision(request.answer)
    if decision is AnswerDecision.REPLY:
        return InboxAnswer(decision=decision, body=request.comment)
    return InboxAnswer(decision=decision, comment=request.comment)
