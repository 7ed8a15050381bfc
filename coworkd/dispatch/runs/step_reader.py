"""Reads the step that a run is, and what its reply says in the block that the step needs."""

from __future__ import annotations

from dataclasses import replace

from coworkd.dispatch.patterns.codec import decode_run_step
from coworkd.dispatch.patterns.replies import LETTERS, unfit_block_reason
from coworkd.dispatch.patterns.steps import RunStep
from coworkd.dispatch.runs.step_rules import StepContext
from coworkd.documents.block_fields import BlockTerms
from coworkd.documents.reply_blocks import UnreadableBlock, read_block
from coworkd.store import Database, RunRow, StepKey, StepRow
from coworkd.store.runs import find_run
from coworkd.store.steps import find_step, get_step


class StepReader:
    """Used by the writer thread alone."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def row(self, run: RunRow) -> StepRow:
        """The step of a run that has one."""
        return get_step(self._db, StepKey(run.task, run.attempt, run.step))

    def step(self, run: RunRow) -> RunStep | None:
        """What was asked for; None: the run works on its task alone, or its attempt was dropped."""
        row = find_step(self._db, StepKey(run.task, run.attempt, run.step)) if run.step else None
        return decode_run_step(row.request) if row else None

    def context(self, run: RunRow) -> StepContext | None:
        """What decides on what follows from the end of this run; None as above."""
        row = find_step(self._db, StepKey(run.task, run.attempt, run.step)) if run.step else None
        if row is None:
            return None
        step = decode_run_step(row.request)
        before = find_run(self._db, row.run) if row.asked_again and row.run else None
        context = StepContext(row=row, step=step, block=None, earlier_reply=before.reply if before else "")
        return _with_block(context, run.reply)


def _with_block(context: StepContext, reply: str) -> StepContext:
    """With what the reply says in the block that the step needs."""
    if context.step.block is None:
        return context
    found = read_block(reply, context.step.block, block_terms(context.step))
    if isinstance(found, UnreadableBlock):
        return replace(context, unreadable_reason=found.reason)
    if reason := unfit_block_reason(context.step, found):
        return replace(context, unreadable_reason=reason)
    return replace(context, block=found)


def block_terms(step: RunStep) -> BlockTerms:
    """What a block has to hold for this step."""
    letters = tuple(LETTERS[: len(step.shows)]) if step.lettered else ()
    return BlockTerms(letters=letters, scored=step.scored, claims=len(step.findings) if step.numbered else 0)
