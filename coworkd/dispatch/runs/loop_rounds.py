"""The rounds of loops as the database knows them."""

from __future__ import annotations

from coworkd.core.model import Loop
from coworkd.core.runs import INTERRUPTED_REASONS, RunReason
from coworkd.dispatch.runs.loop_rules import EndLoop, NextRound, Round, VerifyRound, after_round
from coworkd.store import Database, RunRow
from coworkd.store.runs import ended_runs, update_run


class LoopRounds:
    """Used by the writer thread alone."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def over(self, run: RunRow, loop: Loop, failure: str, now: float) -> NextRound | VerifyRound | EndLoop:
        """This run was a round that is over: what follows, written down with it."""
        decision = after_round(loop, [*self._before(run, loop), _as_round(run, loop, failure)])
        why = "" if isinstance(decision, VerifyRound) else decision.reason
        update_run(self._db, run.id, message=why)
        self._db.event(
            now, "round over", task=run.task, run=run.id, round=run.iteration, kept=run.kept, reason=why
        )  # fmt: skip
        return decision

    def _before(self, run: RunRow, loop: Loop) -> list[Round]:
        """The rounds of the same loop before this one, oldest first."""
        found: list[Round] = []
        for past in ended_runs(self._db, run.task, but=run.id):
            if past.reason in INTERRUPTED_REASONS:
                continue
            if not past.iteration or past.iteration >= (found[-1].number if found else run.iteration):
                break
            found.append(_as_round(past, loop, "" if past.reason is RunReason.DONE else past.message))
        return found[::-1]


def _as_round(run: RunRow, loop: Loop, failure: str) -> Round:
    return Round(
        number=run.iteration, promised=loop.promise in run.reply, changed=run.kept not in ("", run.base),
        tree=run.tree, failure=failure,
    )  # fmt: skip
