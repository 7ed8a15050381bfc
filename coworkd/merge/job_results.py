"""What follows from a verification or a landing: for the submission, its task, its review."""

from __future__ import annotations

import dataclasses
import json

from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.task_board import Board
from coworkd.core.conflict_facts import failed_rounds
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Check, Status
from coworkd.core.task_states import WITH_SUBMISSION
from coworkd.documents.editing import tick
from coworkd.merge.check_logs import CheckLogs
from coworkd.merge.checkout_links.marking import unverified_reason
from coworkd.merge.git.change_summary import ChangeSummary
from coworkd.merge.git.loss_check import lacks_lines, uses_resolution
from coworkd.merge.holds import HeldSubmissions
from coworkd.merge.job_values import (
    AwaitingStack,
    AwaitingTarget,
    FailedWithoutChange,
    Landed,
    MergeConflict,
    OutdatedBase,
    TipMoved,
    VerificationFailed,
    Verified,
)
from coworkd.merge.reverts import RevertService
from coworkd.merge.reviews.service import ReviewService, review_path
from coworkd.merge.unverified import UnverifiedSubmissions, checkout_reason
from coworkd.store import BatchPlace, DocumentRow, SubmissionKind, SubmissionRow, SubmissionState, TaskRow
from coworkd.store.documents import find_document
from coworkd.store.landings import Landings
from coworkd.store.problems import remove_task_problems
from coworkd.store.runs import find_run, has_live_run
from coworkd.store.submissions import (
    conflict_of,
    move_submission,
    retire_submission,
    submission_event,
    update_submission,
)
from coworkd.sync.disk.folder import digest


class ResultRecorder:
    """Records how jobs of the queue ended; used by the writer thread alone, inside its transaction."""

    def __init__(
        self,
        board: Board,
        reviews: ReviewService,
        reverts: RevertService,
        holds: HeldSubmissions,
        logs: CheckLogs,
        unverified: UnverifiedSubmissions,
    ) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._reviews = reviews
        self._reverts = reverts
        self._holds = holds
        self._logs = logs
        self._landings = Landings(board.db)
        self._unverified = unverified

    def remember_tip(self, value: object) -> None:
        """Where a landing has left the integration branch; a verification may have begun before another landing."""
        match value:
            case TipMoved(tip=tip):
                self._db.state.integration_tip = tip
            case Landed(commit=commit):
                self._db.state.integration_tip = commit
            case _:
                pass

    def record(self, row: SubmissionRow, value: object, now: float) -> None:
        """One result of one job."""
        self._show_output(row, value)
        if row.held and isinstance(value, Verified | VerificationFailed | MergeConflict | Landed):
            update_submission(self._db, row, held="")
            self._holds.update_problems(now)
        match value:
            case FailedWithoutChange():
                self._holds.hold(row, value, now)
            case Verified():
                self._record_verified(row, value, now)
            case VerificationFailed():
                self._record_failed(row, value, now)
            case MergeConflict():
                self._record_conflict(row, value, now)
            case Landed():
                self._record_landed(row, value, now)
            case AwaitingTarget() | AwaitingStack() | OutdatedBase():
                self._record_not_merged(row, value, now)
            case ChangeSummary() if row.state is SubmissionState.GREEN and not row.request:
                self._reviews.write(row, value, now)
            case _:
                pass

    def _show_output(self, row: SubmissionRow, value: object) -> None:
        ran = isinstance(value, Verified | VerificationFailed | FailedWithoutChange)
        if ran or (isinstance(value, MergeConflict) and value.checks):
            self._logs.show(row.task, value.checks)

    def _record_verified(self, row: SubmissionRow, value: Verified, now: float) -> None:
        led_astray, work = bool(unverified_reason(value.checks)), row.kind is SubmissionKind.WORK
        lacking = work and lacks_lines(value.proof)
        unproven = lacking or (work and (not value.checks or led_astray))
        unread = work and (lacking or uses_resolution(value.proof)) and value.proof != row.merge_proof
        asked_again = (led_astray and work and not checkout_reason(row)) or unread
        event = submission_event(row, now, EventKind.VERIFIED, tip=value.tip, **_batch_data(value.batch))
        move_submission(
            self._db, row, SubmissionState.GREEN, event, candidate=value.candidate, candidate_tree=value.tree,
            verified_on=value.tip, checks=_checks_json(value.checks), needs_approval=row.needs_approval or unproven,
            merge_proof=value.proof, batch=value.batch, stacked_on=value.stacked_on,
        )  # fmt: skip
        if asked_again:
            # What was approved, or needed no approval, had been verified, had all lines, and was merged by git alone.
            self._reviews.void(row, now)
            update_submission(self._db, row, approved=False, request="")
        self._unverified.note(value.checks, now)

    def _record_failed(self, row: SubmissionRow, value: VerificationFailed, now: float) -> None:
        self._unverified.note(value.checks, now)
        event = submission_event(row, now, EventKind.VERIFICATION_FAILED, reason=value.reason)
        move_submission(
            self._db,
            row,
            SubmissionState.RED,
            event,
            verified_on=value.tip,
            message=value.reason,
            checks=_checks_json(value.checks),
        )
        if row.kind is SubmissionKind.WORK:
            self._reviews.void(row, now)
        else:
            self._reverts.record_refused(row, f"the checks would be red without it: {value.reason}", now)

    def _record_conflict(self, row: SubmissionRow, value: MergeConflict, now: float) -> None:
        event = submission_event(row, now, EventKind.CONFLICT, summary=value.summary)
        move_submission(
            self._db,
            row,
            SubmissionState.CONFLICTED,
            event,
            verified_on=value.tip,
            message=value.summary,
            bundle=value.bundle,
            checks=_checks_json(value.checks),
            conflict=value.facts.text(),
            stacked_on=value.stacked_on,
            conflict_tip=value.conflict_tip,
        )
        if row.kind is SubmissionKind.WORK:
            self._reviews.void(row, now)
            self._count_round(row, value)
        else:
            self._reverts.record_refused(row, f"{value.summary}: what landed since builds on it", now)

    def _count_round(self, row: SubmissionRow, value: MergeConflict) -> None:
        """Whether the round that made the submission has failed to resolve a conflict."""
        run = find_run(self._db, row.run)
        before = conflict_of(self._db, row.task, run.conflict) if run and run.conflict else None
        given = before.verified_on if before and before.stacked_on == value.stacked_on else ""
        rounds = failed_rounds(self._board.task(row.task).conflict_rounds, given, value.tip)
        self._board.update(row.task, conflict_rounds=rounds)

    def _record_not_merged(
        self, row: SubmissionRow, value: AwaitingTarget | AwaitingStack | OutdatedBase, now: float
    ) -> None:
        if isinstance(value, OutdatedBase):
            self._record_outdated(row, value, now)
            return
        task = self._board.task(row.task)
        if task.reason != value.reason:
            self._board.set_status(task, task.status, value.reason, now)

    def _record_outdated(self, row: SubmissionRow, value: OutdatedBase, now: float) -> None:
        """What it was made on is gone: it is made again, and no attempt is used."""
        if row.kind is not SubmissionKind.WORK:
            self._reverts.record_refused(row, value.reason, now)
            return
        self._reviews.void(row, now)
        retire_submission(self._db, row, value.reason, now)
        task = self._board.task(row.task)
        if task.status in WITH_SUBMISSION:
            self._board.set_status(task, Status.READY, value.reason, now, attempt=task.attempt - 1, fresh_start=True)

    def _record_landed(self, row: SubmissionRow, value: Landed, now: float) -> None:
        event = submission_event(
            row, now, EventKind.LANDED, commit=value.commit, what=row.kind, tree=row.candidate_tree,
            proof=row.merge_proof,
        )  # fmt: skip
        move_submission(self._db, row, SubmissionState.LANDED, event, landing=value.commit)
        self._landings.set_missing(row.task, row.number, "")
        remove_task_problems(self._db, row.task, "landing")
        task = self._board.task(row.task)
        if row.kind is not SubmissionKind.WORK:
            self._reverts.record_landed(task, row, value.commit, now)
            return
        self._tick_criteria(task, row)
        self._documents.edit(review_path(row.task), {("status",): "landed"})
        if task.status is Status.READY or has_live_run(self._db, task.id):
            # Another attempt was asked for in the very moment of landing: it goes on.
            self._board.update(task.id, landed=value.commit[:12], reverted="")
        elif task.status is not Status.DONE:
            self._board.set_status(task, Status.DONE, "landed" if row.tree else "nothing had to change", now,
                              landed=value.commit[:12], reverted="", failures=0, conflict_rounds=0)  # fmt: skip

    def _tick_criteria(self, task: TaskRow, row: SubmissionRow) -> None:
        """Tick the criteria whose commands were green on what landed."""
        green = {check["command"] for check in json.loads(row.checks) if not check.get("reached")}
        document = find_document(self._db, task.path)
        if document is None:
            return
        data = document.target_bytes
        for item in self._board.specs.task(task.path).criteria:
            if item.command in green and not item.ticked:
                data = tick(data, item.line)
        self._db.set(DocumentRow, task.path, target_bytes=data, target_sha=digest(data))


def _batch_data(batch: BatchPlace | None) -> dict[str, str]:
    """What the event of a verification says of those that were verified with it."""
    if batch is None:
        return {}
    return {"together": f"as number {batch.place} of {batch.size} together", "verified": batch.commit}


def _checks_json(checks: tuple[Check, ...]) -> str:
    return json.dumps([dataclasses.asdict(check) for check in checks])
