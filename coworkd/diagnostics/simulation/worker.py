"""The daemon's own doings on the board, as dispatch would order them: runs start, wait, end, and say something."""

from __future__ import annotations

from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.status_requests import apply_status_requests
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import MessageKind, SandboxLevel, Status
from coworkd.core.runs import AgentStart, EndedState, PreparingState, RunReason, RunSlot, WorkingState
from coworkd.core.task_states import ACTIVE
from coworkd.store import RunRow, TaskRow
from coworkd.store.messages import due_messages
from coworkd.store.runs import add_run, live_runs_of, move_run, run_event
from coworkd.store.simulation_checks import count_messages_from, live_runs_outside, next_message_due
from coworkd.store.tasks import find_task, find_task_at, next_status_request_at

AGENT = "robot"

NEXT = {Status.RUNNING: Status.REVIEW, Status.REVIEW: Status.DONE, Status.WAITING: Status.RUNNING}
"""Where a task goes next when all goes well."""

_NEVER = 1e17
"""A message with a later due time waits for something else than time."""


class Worker:
    """Moves tasks; every move is one transaction, like dispatch's."""

    def __init__(self, board: Board, instance: str) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._instance = instance

    def tick(self, now: float) -> None:
        """What dispatch does in every turn."""
        apply_status_requests(self._board, now)
        for run in live_runs_outside(self._db, sorted(ACTIVE)):
            with self._db.write():
                state = EndedState(at=now, reason=RunReason.DONE)
                move_run(self._db, run.id, state, run_event(run, now, EventKind.RUN_ENDED))
        self._deliver(now)

    def deadline(self) -> float | None:
        """When a status request or a message is due."""
        times = (next_status_request_at(self._db), next_message_due(self._db, _NEVER))
        return min((at for at in times if at is not None), default=None)

    def work(self, path: str, now: float) -> None:
        """One step on: a ready task starts, a running one is submitted, a submitted one lands."""
        row = find_task_at(self._db, path)
        if (
            row is None
            or row.file_missing
            or row.blocked_reason
            or row.from_git
            or row.owned_elsewhere
            or row.requested_status
        ):
            return
        if row.status is Status.READY:
            self._start(row, now)
        elif row.status in NEXT:
            landed = {"landed": f"{row.attempt:07x}"} if NEXT[row.status] is Status.DONE else {}
            self._board.transition(row.id, NEXT[row.status], "", now, **landed)

    def wait(self, path: str, now: float) -> None:
        """The agent asks something."""
        row = find_task_at(self._db, path)
        if row is not None and row.status is Status.RUNNING:
            self._board.transition(row.id, Status.WAITING, "asked", now)

    def post(self, path: str, text: str, now: float) -> None:
        """The agent of a task says something."""
        row = find_task_at(self._db, path)
        runs = live_runs_of(self._db, row.id) if row is not None and row.status in ACTIVE else []
        if not runs:
            return
        number = 1 + count_messages_from(self._db, runs[0].id)
        with self._db.write():
            self._documents.add_message(runs[0], MessageKind.PROGRESS, f"{text}\n", now, name=f"message-{number}")

    def _start(self, row: TaskRow, now: float) -> None:
        run = RunRow(
            id=f"{row.id}.{row.attempt + 1}", task=row.id, attempt=row.attempt + 1, agent=AGENT,
            state=PreparingState(), started=now,
            slot=RunSlot(number=1), start=AgentStart(sandbox_level=SandboxLevel.NONE),
        )  # fmt: skip
        with self._db.write(durable=True):
            add_run(self._db, run)
            move_run(
                self._db, run.id, WorkingState(), run_event(run, now, EventKind.AGENT_STARTED, agent=AGENT, start=1)
            )
            self._board.transition(
                row.id, Status.RUNNING, "", now, attempt=run.attempt, by=self._instance, agent_used=AGENT
            )

    def _deliver(self, now: float) -> None:
        for message in due_messages(self._db, now):
            task = find_task(self._db, message.task)
            runs = live_runs_of(self._db, task.id) if task and task.status is Status.RUNNING else []
            if runs:
                with self._db.write(durable=True):
                    self._documents.mark_delivered(message, runs[0].id, now)
