"""Carries out the requests of commands: those from the control socket, and those made while the daemon is down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coworkd.board.approvals.answer_channel import AnswerChannel, command_channel
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.immediate_intake import take_in_now
from coworkd.board.task_board import Board
from coworkd.core.announcement import Announcement
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.daemon.resolution_jobs import ResolutionJobs
from coworkd.daemon.resolve_requests import ResolveRequests
from coworkd.merge.git.target_sync import LandedInTarget, TargetRefused
from coworkd.store import DocumentRow, TaskRow
from coworkd.store.announcements import announce
from coworkd.store.documents import find_document
from coworkd.store.landings import Landings
from coworkd.store.own_bytes import add_own
from coworkd.store.tasks import find_task
from coworkd.sync.engine import Engine
from coworkd.sync.file_trust import FileTrust
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose
from coworkd.system.control_socket import ControlReply, ControlRequest, Op

LAND: Job[None, LandedInTarget | TargetRefused] = Job(name="land", purpose=Purpose.INTEGRATION, first_pause=0)
"""A person waits for its outcome, and decides whether to try again."""

JOB_OPS = frozenset({Op.LAND, Op.TRUST, Op.RESOLVE, Op.RESOLVED})
"""They are answered with the outcome of a job."""

TRUST: Job[None, str] = Job(name="beginning of the history", purpose=Purpose.SAVES, first_pause=0)
"""Returns the commit by which a trusted repository is known again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandJobs:
    """The jobs that commands wait for."""

    land: Callable[[str], Callable[[], LandedInTarget | TargetRefused]]
    """The job that lands, for what `--onto` says."""
    resolutions: ResolutionJobs


class Control:
    """Answers requests; used by the writer thread alone."""

    def __init__(
        self,
        board: Board,
        file_trust: FileTrust,
        engine: Engine,
        jobs: Jobs,
        commands: CommandJobs,
        instance: str,
    ) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._file_trust = file_trust
        self._engine = engine
        self._jobs = jobs
        self._land = commands.land
        self._resolving = ResolveRequests(board, jobs, commands.resolutions)
        self._instance = instance
        self._landing: list[ControlRequest] = []
        self._awaiting_origin: list[tuple[ControlRequest, str]] = []
        """Requests to take a file in, of which git is still to say where it came from, with its path."""
        self._trusting: list[ControlRequest] = []
        jobs.handle(TRUST, then=self._trust_given, failed=self._trust_failed)
        jobs.handle(LAND, then=self._landed, failed=self._land_failed)

    def answer(self, request: ControlRequest, now: float) -> None:
        """Do what is asked. Replies are given by `settle`, after the turn; those of `JOB_OPS` after a job."""
        match request.op:
            case Op.ANNOUNCE:
                self._announce(request)
            case Op.INGEST_NOW:
                self._take_in(request, request.subject, now)
            case Op.READY:
                self._start_pulled_task(request, now)
            case Op.TAKE_OVER:
                self._take_over(request, now)
            case Op.TRUST:
                self._trusting.append(request)
                self._jobs.start(TRUST, None, self._file_trust.beginning)
            case Op.CONFIRM:
                with self._db.write():
                    self._db.state.deletions_confirmed = True
                self._engine.recheck_missing(now)
            case Op.LAND:
                self._start_landing(request)
            case Op.RESOLVE | Op.RESOLVED:
                self._start_resolving(request)
            case Op.SYNC | Op.REPAIR | Op.STOP:
                pass  # the turn itself does it

    def _take_in(self, request: ControlRequest, path: str, now: float) -> None:
        if not take_in_now(self._db, self._engine, path, now, on_terminal=request.on_terminal):
            self._awaiting_origin.append((request, path))

    def take_in_awaiting_origin(self, now: float) -> None:
        """Git may have answered: take in what could not be taken in before."""
        held, self._awaiting_origin = self._awaiting_origin, []
        for request, path in held:
            self._take_in(request, path, now)

    def settle(self, request: ControlRequest) -> None:
        """The turn is over: whatever it was asked for is done."""
        if request.op not in JOB_OPS and not request.answered:
            request.answer(ControlReply(ok=True))

    def _trust_given(self, _: None, beginning: str, now: float) -> None:
        trusting, self._trusting = self._trusting, []
        for request in trusting:
            reason = self._file_trust.trust(request.subject, beginning, now, _channel(request))
            request.answer(ControlReply(ok=not reason, text=reason))

    def _trust_failed(self, _: None, failure: JobFailed, _now: float) -> None:
        trusting, self._trusting = self._trusting, []
        for request in trusting:
            request.answer(ControlReply(ok=False, text=failure.reason))

    def _landed(self, _: None, value: LandedInTarget | TargetRefused, _now: float) -> None:
        if isinstance(value, TargetRefused):
            self._answer_landing(ControlReply(ok=False, text=value.reason))
            return
        missing = [row.task for row in Landings(self._db).missing()]
        self._answer_landing(ControlReply(ok=True, text=_landing_text(value, missing)))

    def _land_failed(self, _: None, failure: JobFailed, _now: float) -> None:
        self._answer_landing(ControlReply(ok=False, text=failure.reason))

    def _answer_landing(self, reply: ControlReply) -> None:
        for request in self._landing:
            request.answer(reply)
        self._landing.clear()

    def refuse_pending(self, reason: str) -> None:
        """Answer what still waits: the one that would have answered it is no longer there."""
        for request in (*self._landing, *self._trusting):
            request.answer(ControlReply(ok=False, text=reason))
        self._landing.clear()
        self._trusting.clear()
        self._resolving.refuse_pending(reason)

    # ---- single requests

    def _announce(self, request: ControlRequest) -> None:
        """From now on these bytes count as typed here by a command, also where a scan reads them first."""
        announcement = Announcement.read(request.subject)
        if announcement is None:
            self._refuse(request, "not an announcement that this coworkd knows")
            return
        with self._db.write():
            announce(self._db, announcement.path, announcement.sha, on_terminal=announcement.on_terminal)
            add_own(self._db, announcement.path, announcement.sha)

    def _start_landing(self, request: ControlRequest) -> None:
        if reason := self._file_trust.untrusted_reason():
            self._refuse(request, reason)
            return
        self._landing.append(request)
        self._jobs.start(LAND, None, self._land(request.subject))

    def _start_resolving(self, request: ControlRequest) -> None:
        if reason := self._file_trust.untrusted_reason():
            self._refuse(request, reason)
        else:
            self._resolving.start(request)

    def _refuse(self, request: ControlRequest, reason: str) -> None:
        if reason:
            request.answer(ControlReply(ok=False, text=reason))

    def _start_pulled_task(self, request: ControlRequest, now: float) -> None:
        """A pulled task is started here: its text counts as typed here from now on."""
        task = request.subject
        row = find_task(self._db, task)
        document = find_document(self._db, row.path) if row else None
        if row is None or document is None:
            return
        with self._db.write():
            self._file_trust.mark_as_typed_here(document, now)
            self._db.set(TaskRow, row.id, from_git=False)
            self._db.event(now, EventKind.TASK_ALLOWED, task=task, actor="person", via=_channel(request))
        self._take_in(request, row.path, now)

    def _take_over(self, request: ControlRequest, now: float) -> None:
        """Another instance's task becomes ours, paused: nothing of theirs is assumed to be alive."""
        task = request.subject
        row = find_task(self._db, task)
        if row is None:
            return
        with self._db.write():
            self._db.set(DocumentRow, row.path, from_git=False)
            self._db.set(TaskRow, task, from_git=False, owned_elsewhere=False, by=self._instance)
            self._db.event(now, EventKind.TASK_TAKEN_OVER, task=task, actor="person", via=_channel(request), was=row.by)
            self._board.set_status(
                self._board.task(task), Status.PAUSED, f"taken over from {row.by or 'elsewhere'}", now
            )


def _channel(request: ControlRequest) -> AnswerChannel:
    return command_channel(on_terminal=request.on_terminal)


def _landing_text(landed: LandedInTarget, missing: Sequence[str]) -> str:
    missing_note = f"; not in it, though landed: {', '.join(missing)} (see `coworkd status`)" if missing else ""
    if landed.moved:
        return f"landed {landed.commit[:12]}{missing_note}"
    return f"nothing to land: the target has everything that the integration branch has{missing_note}"
