"""Where a run begins: from the branches, from its own earlier work, or from what another step of its pattern made."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.dispatch.patterns.codec import decode_run_step
from coworkd.dispatch.patterns.steps import StepTree
from coworkd.store import Database, FinishedRun, RunRow, StepKey, StepRow
from coworkd.store.runs import find_run
from coworkd.store.steps import get_step


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPlace:
    """What a slot is made from."""

    start_from: str = ""
    """A commit; empty: the integration branch's tip, brought up to date."""
    restore: str = ""
    """A commit that builds on it, whose files the run goes on with; empty: none."""
    stacked_on: str = ""
    """What that commit builds on that has not landed."""


def start_place(db: Database, run: RunRow, origin: FinishedRun | None) -> StartPlace:
    """Where a run begins. `origin`: the run whose work and session it goes on with."""
    if origin is not None:
        return StartPlace(
            start_from=origin.slot.base, restore=origin.state.kept_commit, stacked_on=origin.slot.stacked_on
        )
    if not run.step:
        return StartPlace()
    row = get_step(db, StepKey(run.task, run.attempt, run.step))
    if row.asked_again and row.commit_id:
        return StartPlace(start_from=row.commit_id, stacked_on=_stacked_on(db, row))
    step = decode_run_step(row.request)
    if not step.of:
        return StartPlace()
    other = get_step(db, StepKey(run.task, run.attempt, step.of))
    if step.tree is StepTree.READ:
        return StartPlace(start_from=other.commit_id or other.base, stacked_on=_stacked_on(db, other))
    return StartPlace(start_from=other.base, restore=other.commit_id, stacked_on=_stacked_on(db, other))


def _stacked_on(db: Database, step: StepRow) -> str:
    run = find_run(db, step.run)
    return run.slot.stacked_on if run else ""
