"""Tries that patterns of collaboration have asked for: carried out beside the queue, in the same gates."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from coworkd.agents.json_codec import from_json, to_json
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.tries import TryResult, TryStep
from coworkd.merge.integration_jobs import IntegrationJobs
from coworkd.merge.queue_reader import QueueReader
from coworkd.merge.try_values import OtherChange, TryDeferred, TryRequest
from coworkd.store import Database, StepKey, StepRow, SubmissionRow, SubmissionState
from coworkd.store.events import NewEvent
from coworkd.store.runs import find_run
from coworkd.store.steps import asked_tries, end_step, find_step, get_step, update_step
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose

TRY: Job[StepKey, TryResult | TryDeferred] = Job(name="try", purpose=Purpose.VERIFICATION)
_DEFERRED_FOR = 1.0
"""Seconds until a try that found nothing out is made again."""


class Tries:
    """Begins tries as gates are free, and records their results; used by the writer thread alone."""

    def __init__(self, board: Board, jobs: Jobs, integration: IntegrationJobs, reader: QueueReader) -> None:
        self._board = board
        self._db: Database = board.db
        self._jobs = jobs
        self._integration = integration
        self._reader = reader
        jobs.handle(TRY, then=self._record, failed=self._report_failure)

    def count(self) -> int:
        """How many are under way."""
        return len(self._jobs.running(TRY))

    def start(self, now: float, free_gates: Callable[[], int]) -> None:
        for row in asked_tries(self._db):
            if free_gates() <= 0:
                return
            if row.not_before <= now and row.step_key not in self._jobs.running(TRY):
                request = self._request(row)
                self._jobs.start(TRY, row.step_key, partial(self._integration.try_change, request))

    def deadline(self, now: float) -> float | None:
        """When a try that found nothing out is made again."""
        return min((row.not_before for row in asked_tries(self._db) if row.not_before > now), default=None)

    def _request(self, row: StepRow) -> TryRequest:
        step = from_json(TryStep, json.loads(row.request))
        made = get_step(self._db, StepKey(row.task, row.attempt, step.of))
        others = (get_step(self._db, StepKey(row.task, row.attempt, key)) for key in step.others)
        return TryRequest(
            step=row.step_key, kind=step.kind,
            change=replace(self._reader.verify_request(self._as_submission(made)), output=f".try-{row.task}-{row.key}"),
            others=tuple(OtherChange(commit=one.commit_id, base=one.base) for one in others if one.commit_id),
            command=step.command,
        )  # fmt: skip

    def _as_submission(self, step: StepRow) -> SubmissionRow:
        """The change of a step as the queue would see it."""
        run = find_run(self._db, step.run)
        return SubmissionRow(
            task=step.task, number=step.number, run=step.run, attempt=step.attempt, commit_id=step.commit_id,
            tree=step.tree if step.number else "", base=step.base, state=SubmissionState.QUEUED, created=step.asked,
            needs_approval=True, stacked_on=run.slot.stacked_on if run else "",
        )  # fmt: skip

    def _record(self, key: StepKey, value: TryResult | TryDeferred, now: float) -> None:
        row = find_step(self._db, key)
        if row is None or row.result:
            return
        with self._db.write(durable=True):
            if isinstance(value, TryDeferred):
                update_step(self._db, row, reason=value.reason, not_before=now + _DEFERRED_FOR)
                return
            data = {"key": row.key, "outcome": outcome_text(value), "reason": value.unknown}
            event = NewEvent(at=now, kind=EventKind.STEP_ENDED, task=row.task, data=data)
            end_step(self._db, row, json.dumps(to_json(value)), event)

    def _report_failure(self, key: StepKey, failure: JobFailed, now: float) -> None:
        row = find_step(self._db, key)
        if row is not None and not row.result:
            with self._db.write():
                update_step(self._db, row, reason=f"{failure.reason}; {failure.retry}", not_before=now)


def outcome_text(result: TryResult) -> str:
    """What a try has found, in a word or two."""
    if result.unknown:
        return "unknown"
    if not result.merges:
        return "conflict"
    return "green" if result.green else "red"
