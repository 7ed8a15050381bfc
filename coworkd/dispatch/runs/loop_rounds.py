"""The rounds of a `loop:` as the database knows them."""

from __future__ import annotations

from coworkd.core.model import Loop
from coworkd.core.runs import INTERRUPTED_REASONS, RunReason
from coworkd.dispatch.runs.loop_rules import Round, round_of
from coworkd.store import Database, FinishedRun, RunRow
from coworkd.store.runs import ended_runs


def earlier_rounds(db: Database, run: RunRow, loop: Loop) -> tuple[Round, ...]:
    """The rounds of the same loop before this one, oldest first."""
    return tuple(
        round_of(past, loop, "" if past.state.reason is RunReason.DONE else past.state.message)
        for past in runs_of_earlier_rounds(db, run)
    )


def runs_of_earlier_rounds(db: Database, run: RunRow) -> list[FinishedRun]:
    """The runs that were the rounds of the same loop before this one, oldest first; each round once."""
    found: list[FinishedRun] = []
    for past in ended_runs(db, run.task, but=run.id):
        if past.state.reason in INTERRUPTED_REASONS:
            continue
        if not past.iteration or past.iteration >= (found[-1].iteration if found else run.iteration):
            break
        found.append(past)
    return found[::-1]
