"""Reads the merge queue: its entries, and the requests for the jobs that verify and land them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from coworkd.board.stacks import stack_of
from coworkd.board.task_board import Board
from coworkd.core.model import ApprovalPoint, Settings, TaskSpec
from coworkd.merge.checks.facts import ChangeContext
from coworkd.merge.git.loss_check import lacks_lines
from coworkd.merge.git.remembered_resolutions import ResolvedConflict
from coworkd.merge.job_values import LandRequest, VerifyRequest
from coworkd.merge.queue_rules import QueueEntry
from coworkd.merge.reviews.service import ReviewService
from coworkd.merge.unverified import checkout_reason
from coworkd.store import SubmissionKind, SubmissionRow, SubmissionState, TaskRow
from coworkd.store.dependencies import all_dependencies, unmet_dependencies_of
from coworkd.store.stacks import stacked_submissions
from coworkd.store.submissions import merge_queue, resolved_conflict, update_submission

_TITLES = {SubmissionKind.WORK: "{}", SubmissionKind.REVERT: "Revert: {}", SubmissionKind.APPLY: "Apply again: {}"}


class QueueReader:
    """Reads the queue under the present settings; used by the writer thread alone."""

    def __init__(self, board: Board, reviews: ReviewService) -> None:
        self._board = board
        self._db = board.db
        self._reviews = reviews
        self._entries: Sequence[QueueEntry] = ()
        self._read_at = -1
        """The number of changes of the database when the entries were read."""

    def entries(self, now: float) -> Sequence[QueueEntry]:
        """Everything that is on its way to the integration branch; read again only when the database has changed."""
        if self._read_at != self._db.changes:
            self._entries = self._read_entries(now)
            self._read_at = self._db.changes
        return self._entries

    def _read_entries(self, now: float) -> Sequence[QueueEntry]:
        """All entries, by as many statements for many submissions as for few."""
        rows = merge_queue(self._db)
        tasks = {task.id: task for task in self._db.all_in(TaskRow, "id", {row.task for row in rows})}
        specs = self._board.specs.tasks([task.path for task in tasks.values()])
        needs, settings = unmet_dependencies_of(self._db, list(tasks)), self._board.specs.settings()
        entries: list[QueueEntry] = []
        for row in rows:
            task = tasks[row.task]
            current = self._with_current_settings(row, specs.get(task.path, TaskSpec()), settings, now)
            conditions = _conditions(current, specs.get(task.path, TaskSpec()), settings)
            entries.append(self._with_stack(current, _entry(current, task, needs.get(task.id, ()), conditions)))
        return entries

    def _with_stack(self, row: SubmissionRow, entry: QueueEntry) -> QueueEntry:
        """What was merged on top of others is merged once more when those have landed, or are no longer needed."""
        if not row.stacked_on:
            return entry
        if not entry.needs:
            return dataclasses.replace(entry, verified_on="")
        return dataclasses.replace(entry, waits=bool(stack_of(self._db, row.task).obstacle))

    def _with_current_settings(
        self, row: SubmissionRow, spec: TaskSpec, settings: Settings, now: float
    ) -> SubmissionRow:
        """`approve` and `verify` count at once: who is asked, and whether all that is to be run has been."""
        if row.kind is not SubmissionKind.WORK:
            return row
        approve = settings.approve if spec.approve is None else spec.approve
        verified = {check["command"] for check in json.loads(row.checks)}
        green, reaches_checkout = row.state is SubmissionState.GREEN, bool(checkout_reason(row))
        needs_approval = (
            ApprovalPoint.MERGE in approve
            or not row.tree
            or row.parked
            or (green and (not verified or reaches_checkout or lacks_lines(row.merge_proof)))
        )
        if needs_approval != row.needs_approval:
            row = self._change_approval(row, now, needs_approval=needs_approval)
        if green and row.tree and not reaches_checkout and not verified.issuperset(_commands(row, spec, settings)):
            row = dataclasses.replace(row, verified_on="")
        return row

    def _change_approval(self, row: SubmissionRow, now: float, *, needs_approval: bool) -> SubmissionRow:
        with self._db.write():
            self._reviews.void(row, now)
            update_submission(self._db, row, needs_approval=needs_approval, request="")
        return dataclasses.replace(row, needs_approval=needs_approval, request="")

    def verify_request(self, row: SubmissionRow) -> VerifyRequest:
        """How a submission is merged and checked, with the settings of now."""
        settings, task = self._board.specs.settings(), self._board.task(row.task)
        spec = self._board.specs.task(task.path)
        return VerifyRequest(
            task=row.task, title=_TITLES[row.kind].format(task.title), attempt=row.attempt, number=row.number,
            commit=row.commit_id, base=row.base, has_change=bool(row.tree), commands=_commands(row, spec, settings),
            workspace=settings.verify, setup=settings.setup, copy=settings.copy, sandbox=settings.sandbox,
            caches=settings.caches, timeout=_timeout(spec, settings),
            branch=settings.integration.branch, target=self._board.specs.target(),
            loop=spec.loop is not None, undoes="" if row.kind is SubmissionKind.WORK else row.base,
            stack=stacked_submissions(self._db, stack_of(self._db, row.task).parents) if row.stacked_on else (),
        )  # fmt: skip

    def change_context(self, row: SubmissionRow) -> ChangeContext | None:
        """What the change is judged with; None for one that a person asked for, which takes back or brings again."""
        if row.kind is not SubmissionKind.WORK:
            return None
        spec, settings = self._board.specs.task(self._board.task(row.task).path), self._board.specs.settings()
        commands = _commands(row, spec, settings)
        return ChangeContext(
            task=row.task, commands=commands, own=frozenset(commands) - frozenset(settings.verify),
            dependencies=all_dependencies(self._db, row.task),
        )  # fmt: skip

    def land_request(self, rows: Sequence[SubmissionRow]) -> LandRequest:
        """How submissions that were verified together, or a single one, land."""
        branch, tip = self._board.specs.settings().integration.branch, rows[0].verified_on
        found = (resolved_conflict(self._db, row) for row in rows)
        resolved = tuple(
            ResolvedConflict(
                task=row.task, number=row.number, commit=row.commit_id, conflicting=one.commit_id, tip=one.tip_to_merge
            )
            for row, one in zip(rows, found, strict=True)
            if one is not None
        )
        candidates = tuple(row.candidate for row in rows)
        return LandRequest(tip=tip, candidates=candidates, branch=branch, resolved=resolved)

    def target_request(self) -> VerifyRequest:
        """The target's own commits, to be checked as merged with what has landed."""
        settings = self._board.specs.settings()
        return VerifyRequest(
            task="land", title="", attempt=0, number=0, commit="", base="", has_change=False, commands=settings.verify,
            workspace=settings.verify, setup=settings.setup, copy=settings.copy, sandbox=settings.sandbox,
            caches=settings.caches, timeout=settings.verify_timeout,
            branch=settings.integration.branch, target=self._board.specs.target(),
        )  # fmt: skip


def _commands(row: SubmissionRow, spec: TaskSpec, settings: Settings) -> tuple[str, ...]:
    """Everything that verifies a task: the workspace's commands, its own, and its criteria's.

    Without the task's change its own proofs cannot hold: what takes it back is verified by the workspace's alone.
    """
    if row.kind is SubmissionKind.REVERT:
        return settings.verify
    proofs = tuple(item.command for item in spec.criteria if item.command)
    return tuple(dict.fromkeys((*settings.verify, *spec.verify, *proofs)))


def _timeout(spec: TaskSpec, settings: Settings) -> float:
    return min(settings.verify_timeout, spec.timeout or settings.verify_timeout)


def _conditions(row: SubmissionRow, spec: TaskSpec, settings: Settings) -> float | None:
    """What its commands are run with, beside what all have in common; None: it is verified alone.

    Alone is what takes a landing back or brings it again, what changes nothing, what loops until the commands are
    green, what nothing verifies, and what leads into a checkout.
    """
    alone = row.kind is not SubmissionKind.WORK or not row.tree or spec.loop is not None or not spec.batch
    unverified = not _commands(row, spec, settings) or bool(checkout_reason(row))
    return None if alone or unverified else _timeout(spec, settings)


def _entry(row: SubmissionRow, task: TaskRow, unmet: Sequence[str], conditions: float | None) -> QueueEntry:
    return QueueEntry(
        key=row.key, state=row.state, verified_on=row.verified_on, needs_approval=row.needs_approval,
        approved=row.approved, reviewed=bool(row.request),
        needs=() if row.kind is SubmissionKind.REVERT else tuple(unmet), priority=task.priority, created=row.created,
        conditions=conditions, batch=row.batch,
    )  # fmt: skip
