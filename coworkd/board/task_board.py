"""Moving tasks: status, reason, event and file in one transaction."""

from __future__ import annotations

from enum import Enum
from typing import Any

from coworkd.board.approvals.requests import ApprovalRequests
from coworkd.core.errors import StoreError
from coworkd.core.model import Kind, MessageKind, Problem, Status, UserSettings
from coworkd.core.redaction import NO_SECRETS, Secrets
from coworkd.core.task_states import daemon_may_move
from coworkd.store import (
    Database,
    DocumentRow,
    MessageRow,
    MessageStage,
    StopRequest,
    TaskRow,
)
from coworkd.store.messages import next_seen
from coworkd.store.own_bytes import add_own
from coworkd.store.problems import put_problem, remove_problem
from coworkd.store.requests import pending_requests
from coworkd.store.runs import live_runs_of, request_stop
from coworkd.store.submissions import pending_submissions, retire_submission
from coworkd.store.tasks import accept_task_at, find_task, move_task
from coworkd.store.usage import total_usage
from coworkd.sync.effective_specs import NO_USER_LIMITS, EffectiveSpecs
from coworkd.sync.file_content import FileContent
from coworkd.sync.ingest.ingester import Ingester
from coworkd.sync.ingest.task_files import project_task

ColumnValue = str | int | float | bool | Enum | None


class Board:
    """The tasks of one workspace; used by the writer thread alone."""

    def __init__(
        self, db: Database, intake: Ingester, user: UserSettings = NO_USER_LIMITS, secrets: Secrets = NO_SECRETS
    ) -> None:
        """`secrets` are those of the daemon's own environment."""
        self.db = db
        self.specs = EffectiveSpecs(db, user)
        self._intake = intake
        self._secrets = secrets
        self.requests = ApprovalRequests(db)

    def secrets(self) -> Secrets:
        """What must never be written down: the environment's secrets, and those that agents are given."""
        agents = [agent for name in self.specs.agents() if (agent := self.specs.agent(name))]
        given = Secrets.of(pair for agent in agents for pair in agent.env)
        return Secrets(self._secrets.values | given.values)

    def task(self, task: str) -> TaskRow:
        """The row of a task that is known to exist."""
        row = find_task(self.db, task)
        if row is None:
            raise StoreError(f"no task `{task}` in the database")
        return row

    def transition(self, task: str, to: Status, reason: str, now: float, **columns: ColumnValue) -> None:
        """The daemon takes a task somewhere. Raises `StoreError` for a move that the lifecycle does not know."""
        row = self.task(task)
        if not daemon_may_move(row.status, to):
            raise StoreError(f"task `{task}` cannot go from {row.status} to {to}")
        self.set_status(row, to, reason, now, **columns)

    def set_status(self, row: TaskRow, to: Status, reason: str, now: float, **columns: ColumnValue) -> None:
        """Put a task there, whatever it was before: what a person wrote has been checked already."""
        with self.db.write():
            self.set_status_row(row, to, reason, now, **columns)
            self.project(row.id)

    def set_status_row(self, row: TaskRow, to: Status, reason: str, now: float, **columns: ColumnValue) -> None:
        """`set_status` for a task whose file says so already."""
        move_task(self.db, row, to, reason, now, **columns)

    def update(self, task: str, **columns: ColumnValue) -> None:
        with self.db.write():
            self.db.set(TaskRow, task, **columns)
            self.project(task)

    def project(self, task: str) -> None:
        """Bring the task's file up to its row, on the next push."""
        project_task(self.db, self.task(task))

    # ---- what hangs on a task

    def void_requests(self, task: str, now: float) -> None:
        """Whatever was asked for this task is no longer asked."""
        for request in pending_requests(self.db, task):
            self.requests.void(request, now)

    def retire_submissions(self, task: str, why: str, now: float) -> None:
        """Take what is on its way to the integration branch out of the queue; its refs stay."""
        for row in pending_submissions(self.db, task):
            retire_submission(self.db, row, why, now)

    def stop_runs(self, task: str) -> None:
        """Ask for the end of every run of the task, since a person wrote another status; dispatch sees to it."""
        request_stop(self.db, live_runs_of(self.db, task), StopRequest.USER)

    def add_user_message(self, task: str, path: str, text: str, now: float) -> None:
        """What a person wrote somewhere else than in the thread, as a message: the next run is given it."""
        self.db.put(
            MessageRow(
                path=path, task=task, sender="", kind=MessageKind.REPLY, stage=MessageStage.NEW,
                seen=next_seen(self.db), due=now, run="", reply_to="", body=text, note="",
            )
        )  # fmt: skip

    def create_task(self, path: str, data: bytes, now: float) -> None:
        """A new task file of the daemon's making, taken in as if a person had saved it; it is written with the push."""
        content = FileContent.of(path, Kind.TASK, data, now)
        # It is made here, so git need not be asked where it came from.
        add_own(self.db, path, content.sha)
        for error in self._intake.ingest([content], now).refused.values():
            raise error
        self.db.set(DocumentRow, path, disk_sha="", from_git=False)
        accept_task_at(self.db, path)

    # ---- problems

    def add_problem(self, row: TaskRow, source: str, message: str, now: float, line: int = 0) -> None:
        put_problem(self.db, Problem(path=row.path, line=line, message=message), source, now, row.id)

    def clear_problems(self, path: str, *sources: str) -> None:
        for source in sources:
            remove_problem(self.db, path, source)

    def update_cost(self, task: str, **usage: Any) -> None:
        """Sum up the cost of a task from its runs."""
        total = total_usage(self.db, task)
        self.db.set(
            TaskRow, task, input_tokens=total.input_tokens, output_tokens=total.output_tokens, cost_usd=total.usd,
            **usage,
        )  # fmt: skip
