"""`coworkd resolve`: opens the checkout of a conflict that waits for a person, and queues what was resolved there."""

from __future__ import annotations

import json

from coworkd.board.approvals.answer_channel import command_channel
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import ApprovalPoint, Status
from coworkd.daemon.resolution_jobs import ResolutionJobs
from coworkd.slots.resolution_checkouts import ResolutionCheckout, ResolutionRequest, TakenConflict
from coworkd.slots.submission import ImportedCommit, Rejected
from coworkd.store import SubmissionKey, SubmissionRow, SubmissionState, TaskRow
from coworkd.store.events import NewEvent
from coworkd.store.runs import live_runs_of
from coworkd.store.submissions import add_submission, latest_submission, next_number, retire_submission
from coworkd.store.tasks import find_task
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose
from coworkd.system.control_socket import ControlReply, ControlRequest, Op

OPEN: Job[str, ResolutionCheckout] = Job(name="checkout of a conflict", purpose=Purpose.SLOT, first_pause=0)
"""Its subject is the task; a person waits for it."""
TAKE: Job[SubmissionKey, ImportedCommit | Rejected] = Job(name="resolution", purpose=Purpose.IMPORT, first_pause=0)
"""Its subject is the submission that it makes."""

RESOLVED_NOTE = "a person resolved its conflict"


class ResolveRequests:
    """Answers `Op.RESOLVE` and `Op.RESOLVED`; used by the writer thread alone."""

    def __init__(self, board: Board, jobs: Jobs, checkouts: ResolutionJobs) -> None:
        self._board = board
        self._db = board.db
        self._jobs = jobs
        self._checkouts = checkouts
        self._waiting: list[ControlRequest] = []
        jobs.handle(OPEN, then=self._opened, failed=self._open_failed)
        jobs.handle(TAKE, then=self._taken, failed=self._take_failed)

    def start(self, request: ControlRequest) -> None:
        """Begin what is asked; the reply comes with the outcome of a job, or at once where it is refused."""
        found = self._conflict(request.subject)
        if isinstance(found, str):
            request.answer(ControlReply(ok=False, text=found))
            return
        self._waiting.append(request)
        task, conflict = request.subject, self._taken_conflict(found)
        if request.op is Op.RESOLVE:
            self._jobs.start(OPEN, task, lambda: self._checkouts.open(conflict))
            return
        number, title = next_number(self._db, task), self._board.task(task).title
        order = ResolutionRequest(
            conflict=conflict, number=number, message=f"{title}\n\nCowork-Task: {task}", secrets=self._board.secrets()
        )
        self._jobs.start(TAKE, SubmissionKey(task, number), lambda: self._checkouts.submit(order))

    def refuse_pending(self, reason: str) -> None:
        """Answer what still waits: the one that would have answered it is no longer there."""
        for request in self._waiting:
            request.answer(ControlReply(ok=False, text=reason))
        self._waiting.clear()

    def _conflict(self, task: str) -> SubmissionRow | str:
        """The submission whose conflict a person is to resolve, or why there is none."""
        row, latest = find_task(self._db, task), latest_submission(self._db, task)
        if row is None:
            return f"there is no task `{task}`"
        at_work = any(run.conflict for run in live_runs_of(self._db, task))
        if reason := refusal_reason(row, latest, agent_resolves=at_work):
            return reason
        assert latest is not None, "without a submission it is refused"
        return latest

    def _taken_conflict(self, row: SubmissionRow) -> TakenConflict:
        return TakenConflict(task=row.task, root=self._checkouts.root, commit=row.commit_id, tip=row.tip_to_merge)

    # ---- outcomes

    def _opened(self, task: str, value: ResolutionCheckout, _now: float) -> None:
        told = {"path": str(value.work), "unresolved": list(value.unresolved), "continued": value.continued}
        self._answer(Op.RESOLVE, task, ControlReply(ok=True, text=json.dumps(told)))

    def _open_failed(self, task: str, failure: JobFailed, _now: float) -> None:
        self._answer(Op.RESOLVE, task, ControlReply(ok=False, text=failure.reason))

    def _taken(self, key: SubmissionKey, value: ImportedCommit | Rejected, now: float) -> None:
        if isinstance(value, Rejected):
            reply = ControlReply(ok=False, text=value.reason)
        elif isinstance(conflict := self._conflict(key.task), str):
            kept = f"what you resolved is kept in refs/cowork/sub/{key.task}/{key.number}"
            reply = ControlReply(ok=False, text=f"{conflict}; {kept}")
        else:
            self._queue(conflict, key, value, now)
            told = {"submission": key.number, "commit": value.commit, "left_out": list(value.dropped_paths)}
            reply = ControlReply(ok=True, text=json.dumps(told))
        self._answer(Op.RESOLVED, key.task, reply)

    def _take_failed(self, key: SubmissionKey, failure: JobFailed, _now: float) -> None:
        self._answer(Op.RESOLVED, key.task, ControlReply(ok=False, text=failure.reason))

    def _queue(self, conflict: SubmissionRow, key: SubmissionKey, made: ImportedCommit, now: float) -> None:
        """What a person resolved is verified and approved like any other submission."""
        task = self._board.task(key.task)
        spec, settings = self._board.specs.task(task.path), self._board.specs.settings()
        approve = settings.approve if spec.approve is None else spec.approve
        row = SubmissionRow(
            task=task.id, number=key.number, attempt=task.attempt, base=conflict.tip_to_merge, commit_id=made.commit,
            tree=made.tree, state=SubmissionState.QUEUED, created=now, message=RESOLVED_NOTE,
            needs_approval=ApprovalPoint.MERGE in approve, text_sha=conflict.text_sha, conflict=conflict.conflict,
            stacked_on=conflict.stacked_on,
        )  # fmt: skip
        terminal = any(request.on_terminal for request in self._requests(Op.RESOLVED, task.id))
        data = {"number": key.number, "via": command_channel(on_terminal=terminal), "commit": made.commit}
        event = NewEvent(at=now, kind=EventKind.CONFLICT_RESOLVED, task=task.id, actor="person", data=data)
        with self._db.write(durable=True):
            retire_submission(self._db, conflict, RESOLVED_NOTE, now, message=conflict.message)
            add_submission(self._db, row, event)
            reason = f"{RESOLVED_NOTE}; what was made is being verified"
            self._board.transition(task.id, Status.MERGING, reason, now, conflict_rounds=0)

    def _requests(self, op: Op, task: str) -> list[ControlRequest]:
        return [request for request in self._waiting if request.op is op and request.subject == task]

    def _answer(self, op: Op, task: str, reply: ControlReply) -> None:
        for request in self._requests(op, task):
            request.answer(reply)
            self._waiting.remove(request)


def refusal_reason(task: TaskRow, latest: SubmissionRow | None, *, agent_resolves: bool) -> str:
    """Why a person cannot resolve the conflict of a task now, and what to do; empty: they can."""
    if task.owned_elsewhere:
        return f"`{task.id}` is on {task.by}: resolve its conflict there"
    conflicted = latest is not None and latest.state is SubmissionState.CONFLICTED
    if conflicted and task.status is Status.WAITING:
        return ""
    if conflicted or agent_resolves:
        return f"the conflict of `{task.id}` is still with its agent: `coworkd status` asks you when that cannot do it"
    return f"`{task.id}` has no conflict that waits for a person: it is {task.status}"
