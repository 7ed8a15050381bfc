"""Messages of people, and edits of a task's text, on their way to agents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from coworkd.agents.port import AnswerDecision
from coworkd.board.approvals.answer_channel import answer_channel
from coworkd.board.approvals.requests import UserDecision
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status, TaskSpec
from coworkd.core.task_states import Effect
from coworkd.dispatch.executors.port import Executor
from coworkd.dispatch.runs.delivery_rules import can_receive_answers, task_over_reason
from coworkd.documents.typos import suggestion
from coworkd.store import MessageRow, RequestRow, TaskRow
from coworkd.store.messages import due_messages, next_message_due_at, set_note, set_unsent
from coworkd.store.requests import (
    open_questions,
)
from coworkd.store.runs import (
    edited_task_texts,
    get_run,
    live_runs_of,
    update_run,
)
from coworkd.store.tasks import find_task, task_ids
from coworkd.sync.disk.folder import digest
from coworkd.sync.effective_specs import decode_bytes

EDITED_TASK_NAME = "task-edited.md"
"""Under this name an agent at work finds the text of its task when it was edited meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _EditedTask:
    """A task whose text is no longer the one that its agent was given."""

    run: str
    task: str
    body: str
    due: float


class MessageDelivery:
    """Delivers each message at most once; used by the writer thread alone."""

    def __init__(self, board: Board, executor: Executor) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._executor = executor
        self._requests = board.requests

    # ---- messages

    def deliver_messages(self, now: float) -> None:
        """Every message whose quiet time is over, to where its task stands."""
        for message in due_messages(self._db, now):
            row = find_task(self._db, message.task)
            if row is None:
                self._keep_unsent(message, self._no_task_reason(message.task))
            else:
                self._deliver_message(message, row, now)

    def _no_task_reason(self, task: str) -> str:
        close = suggestion(task, task_ids(self._db))
        return f"there is no task `{task}`, and it is sent once there is one{close}"

    def _deliver_message(self, message: MessageRow, row: TaskRow, now: float) -> None:
        question = self._find_question(message)
        if question is not None:
            self._answer_question(question, message, now)
            return
        match row.status:
            case Status.RUNNING | Status.WAITING:
                self._send_to_agents(message, row, now)
            case Status.REVIEW | Status.FAILED:
                self._request_attempt(message, row, now)
            case Status.DONE | Status.CANCELLED:
                with self._db.write():
                    set_unsent(self._db, message.path, task_over_reason(row))
            case Status.DRAFT | Status.READY | Status.MERGING | Status.PAUSED:
                self._keep_unsent(message, "")

    def _keep_unsent(self, message: MessageRow, note: str) -> None:
        if message.note != note:
            with self._db.write():
                set_note(self._db, message.path, note)

    def _find_question(self, message: MessageRow) -> RequestRow | None:
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

    def _send_to_agents(self, message: MessageRow, row: TaskRow, now: float) -> None:
        """To every agent at work on the task; while there is none, the message waits."""
        runs = live_runs_of(self._db, row.id)
        if not runs and row.status is Status.WAITING:
            self._board.update(row.id, conflict_rounds=0)
            self._board.transition(row.id, Status.RUNNING, "a message asks for another round", now)
        receivers = [run for run in runs if can_receive_answers(run, self._executor.alive())]
        if not receivers:
            return
        with self._db.write(durable=True):
            self._documents.mark_delivered(message, receivers[0].id, now)
        name = PurePosixPath(message.path.split("#")[0]).name
        for run in receivers:
            self._executor.deliver(run.id, name, message.body)

    def _request_attempt(self, message: MessageRow, row: TaskRow, now: float) -> None:
        """The message itself goes into the prompt of that attempt, and gets its receipt then."""
        with self._db.write():
            self._board.retire_submissions(row.id, "a message asked for a new attempt", now)
            self._board.void_requests(row.id, now)
            self._board.set_status(
                row, Status.READY, "a message asks for a new attempt", now, failures=0, not_before=0.0
            )
            channel = answer_channel(self._db, message.path)
            self._db.event(now, EventKind.STATUS_REQUESTED, task=row.id, actor="person", via=channel,
                           wanted=Effect.START, path=message.path)  # fmt: skip

    def deadline(self, now: float) -> float | None:
        """When the next quiet time of a message or of an edited task is over."""
        due = next_message_due_at(self._db, now)
        edited = (edited.due for edited in self._edited_tasks())
        times = [at for at in (due, *edited) if at is not None and at > now]
        return min(times, default=None)

    # ---- edits of the task itself

    def deliver_edits(self, now: float) -> None:
        """The text of a task that was edited while its agent works, as a steering message."""
        for edited in self._edited_tasks():
            if edited.due <= now and edited.run in self._executor.alive():
                with self._db.write(durable=True):
                    start = replace(get_run(self._db, edited.run).start, text_sha=digest(edited.body.encode()))
                    update_run(self._db, edited.run, start=start)
                    self._db.event(now, EventKind.MESSAGE_EDITED, task=edited.task, run=edited.run)
                self._executor.deliver(edited.run, EDITED_TASK_NAME, edited.body)

    def _edited_tasks(self) -> list[_EditedTask]:
        texts = edited_task_texts(self._db)
        quiet = self._board.specs.settings().quiet if texts else 0.0
        bodies = [(text, decode_bytes(text.path, text.text).of(TaskSpec).body) for text in texts]
        return [
            _EditedTask(run=text.run, task=text.task, body=body, due=text.changed_at + quiet)
            for text, body in bodies
            if digest(body.encode()) != text.handed_sha
        ]
