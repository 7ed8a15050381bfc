"""Reads the merge queue: its entries, and the requests for the jobs that verify and land them."""

from __future__ import annotations

import dataclasses
import json

from coworkd.board.task_board import Board
from coworkd.core.model import ApprovalPoint, TaskSpec
from coworkd.merge.checks.facts import ChangeContext
from coworkd.merge.job_values import LandRequest, VerifyRequest
from coworkd.merge.queue_rules import QueueEntry
from coworkd.merge.reviews.service import ReviewService
from coworkd.merge.unverified import checkout_reason
from coworkd.store import SubmissionKind, SubmissionRow, SubmissionState
from coworkd.store.dependencies import all_dependencies, unmet_dependencies
from coworkd.store.submissions import merge_queue, update_submission

_TITLES = {SubmissionKind.WORK: "{}", SubmissionKind.REVERT: "Revert: {}", SubmissionKind.APPLY: "Apply again: {}"}


class QueueReader:
    """Reads the queue under the present settings; used by the writer thread alone."""

    def __init__(self, board: Board, reviews: ReviewService) -> None:
        self._board = board
        self._db = board.db
        self._reviews = reviews

    def entries(self, now: float) -> list[QueueEntry]:
        """Everything that is on its way to the integration branch."""
        return [self._entry(self._with_current_settings(row, now)) for row in merge_queue(self._db)]

    def _with_current_settings(self, row: SubmissionRow, now: float) -> SubmissionRow:
        """`approve` and `verify` count at once: who is asked, and whether all that is to be run has been."""
        if row.kind is not SubmissionKind.WORK:
            return row
        task = self._board.task(row.task)
        spec, settings = self._board.specs.task(task.path), self._board.specs.settings()
        approve = settings.approve if spec.approve is None else spec.approve
        verified = {check["command"] for check in json.loads(row.checks)}
        green, reaches_checkout = row.state is SubmissionState.GREEN, bool(checkout_reason(row))
        needs_approval = (
            ApprovalPoint.MERGE in approve or not row.tree or (green and (not verified or reaches_checkout))
        )
        if needs_approval != row.needs_approval:
            row = self._change_approval(row, now, needs_approval=needs_approval)
        if green and row.tree and not reaches_checkout and not verified.issuperset(self._commands(row, spec)):
            row = dataclasses.replace(row, verified_on="")
        return row

    def _change_approval(self, row: SubmissionRow, now: float, *, needs_approval: bool) -> SubmissionRow:
        with self._db.write():
            self._reviews.void(row, now)
            update_submission(self._db, row, needs_approval=needs_approval, request="")
        return dataclasses.replace(row, needs_approval=needs_approval, request="")

    def _commands(self, row: SubmissionRow, spec: TaskSpec) -> tuple[str, ...]:
        """Everything that verifies a task: the workspace's commands, its own, and its criteria's.

        Without the task's change its own proofs cannot hold: what takes it back is verified by the workspace's alone.
        """
        workspace = self._board.specs.settings().verify
        if row.kind is SubmissionKind.REVERT:
            return workspace
        proofs = tuple(item.command for item in spec.criteria if item.command)
        return tuple(dict.fromkeys((*workspace, *spec.verify, *proofs)))

    def _entry(self, row: SubmissionRow) -> QueueEntry:
        needs = unmet_dependencies(self._db, row.task) if row.kind is not SubmissionKind.REVERT else []
        return QueueEntry(
            key=row.key, state=row.state, verified_on=row.verified_on, needs_approval=row.needs_approval,
            approved=row.approved,
            reviewed=bool(row.request), needs=tuple(needs),
            priority=self._board.task(row.task).priority, created=row.created,
        )  # fmt: skip

    def verify_request(self, row: SubmissionRow) -> VerifyRequest:
        """How a submission is merged and checked, with the settings of now."""
        settings, task = self._board.specs.settings(), self._board.task(row.task)
        spec = self._board.specs.task(task.path)
        return VerifyRequest(
            task=row.task, title=_TITLES[row.kind].format(task.title), attempt=row.attempt, number=row.number,
            commit=row.commit_id, base=row.base, has_change=bool(row.tree), commands=self._commands(row, spec),
            workspace=settings.verify, setup=settings.setup, copy=settings.copy, sandbox=settings.sandbox,
            timeout=min(settings.verify_timeout, spec.timeout or settings.verify_timeout),
            branch=settings.integration.branch, target=self._board.specs.target(),
            loop=spec.loop is not None, undoes="" if row.kind is SubmissionKind.WORK else row.base,
        )  # fmt: skip

    def change_context(self, row: SubmissionRow) -> ChangeContext | None:
        """What the change is judged with; None for one that a person asked for, which takes back or brings again."""
        if row.kind is not SubmissionKind.WORK:
            return None
        spec = self._board.specs.task(self._board.task(row.task).path)
        commands = self._commands(row, spec)
        return ChangeContext(
            task=row.task, commands=commands, own=frozenset(commands) - frozenset(self._board.specs.settings().verify),
            dependencies=all_dependencies(self._db, row.task),
        )  # fmt: skip

    def land_request(self, row: SubmissionRow) -> LandRequest:
        branch = self._board.specs.settings().integration.branch
        return LandRequest(
            task=row.task, number=row.number, tip=row.verified_on, candidate=row.candidate, branch=branch
        )

    def target_request(self) -> VerifyRequest:
        """The target's own commits, to be checked as merged with what has landed."""
        settings = self._board.specs.settings()
        return VerifyRequest(
            task="land", title="", attempt=0, number=0, commit="", base="", has_change=False, commands=settings.verify,
            workspace=settings.verify, setup=settings.setup, copy=settings.copy, sandbox=settings.sandbox,
            timeout=settings.verify_timeout,
            branch=settings.integration.branch, target=self._board.specs.target(),
        )  # fmt: skip
