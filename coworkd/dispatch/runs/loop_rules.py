"""What follows after one round of a `loop:`.

Pure: the rounds so far in, one decision with its reason in words out. A promise only opens verification; what it found
is one more fact about the round. A round that was interrupted is not one: it is run again under its number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.core.model import Loop
from coworkd.dispatch.runs.failure_text import first_line
from coworkd.store import FinishedRun, RunRow

MAX_ALIKE = 3
"""Rounds with the same files and the same failure after which more of them would come to the same."""

_NUMBERS = re.compile(r"\d+(?:\.\d+)?")
"""Durations and addresses differ from one failure to the same one again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round that is over."""

    number: int
    promised: bool
    given_up: bool = False
    """Its agent said that it cannot be done."""
    changed: bool
    """Against what the loop began with."""
    tree: str
    failure: str = ""
    """How its agent failed, or what verification said; empty: neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRound:
    number: int
    reason: str
    """What is not right yet, for the agent and the board."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRound:
    """It is promised: what it made is verified now, and nothing else counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndLoop:
    reason: str


def round_of(run: FinishedRun, loop: Loop, failure: str) -> Round:
    """The round that a run of this loop was."""
    return Round(
        number=run.iteration, promised=loop.is_promised(run.reply), given_up=loop.is_given_up(run.reply),
        changed=run.state.kept_commit not in ("", run.slot.base), tree=run.state.tree, failure=failure,
    )  # fmt: skip


def round_description(run: RunRow, before: FinishedRun | None) -> str:
    """Which round of its loop a run is, and why it is needed, for the board; empty: it is of none."""
    if not run.iteration:
        return ""
    words = f"round {run.iteration} of {run.max_rounds}"
    why = first_line(before.state.message) if before else ""
    return f"{words} (round {before.iteration}: {why})" if before and why else words


def after_round(loop: Loop, rounds: Sequence[Round]) -> NextRound | VerifyRound | EndLoop:
    """Decide after the latest round."""
    last = rounds[-1]
    if last.given_up:
        return EndLoop(reason=f"given up: its agent said `{loop.give_up}` in round {last.number}")
    why = _unproven_reason(last, loop)
    if not why:
        return VerifyRound()
    latest = (last.tree, _failure_key(last, loop))
    alike = [done for done in rounds[-MAX_ALIKE:] if (done.tree, _failure_key(done, loop)) == latest]
    if len(alike) == MAX_ALIKE:
        return EndLoop(reason=f"no progress: the same files and the same failure {MAX_ALIKE} times; {why}")
    if last.number >= loop.max_iterations:
        return EndLoop(reason=f"not done after {loop.max_iterations} rounds (`max_iterations`); {why}")
    return NextRound(number=last.number + 1, reason=why)


def _unproven_reason(last: Round, loop: Loop) -> str:
    """What keeps the round from being proven; empty: nothing does."""
    if last.failure:
        return last.failure
    if not last.promised:
        return f"`{loop.promise}` was not said"
    return "" if last.changed else f"`{loop.promise}` was said, but no file differs from the start"


def _failure_key(done: Round, loop: Loop) -> str:
    return _NUMBERS.sub("#", _unproven_reason(done, loop))
