"""A change is tried before anyone gives an opinion on it: what is red goes back without costing a judge."""

from __future__ import annotations

from coworkd.core.tries import TryResult, TryStep
from coworkd.dispatch.patterns.changes import Change
from coworkd.dispatch.patterns.corrections import Judgement
from coworkd.dispatch.patterns.endings import failed, undecided
from coworkd.dispatch.patterns.replay import Flow, attempt


def try_change(change: Change) -> Flow[TryResult]:
    """Merge the change with the tip, and run the task's verification there."""
    return (yield from attempt(TryStep(key=f"try.{change.number}", of=change.step)))


def refused_trial(change: Change, result: TryResult) -> Judgement | None:
    """What follows from a try that is not green; None: it is green."""
    if result.unknown:
        reason = f"the change could not be tried: {result.unknown}"
        return Judgement(end=undecided(reason, (change.step,)))
    words = red_words(result)
    return Judgement(end=failed(words), words=(words,)) if words else None


def red_words(result: TryResult) -> str:
    """What is wrong with a tried change, with the end of the output; empty: it merges and is green."""
    if result.green and result.merges:
        return ""
    what = "the change fails verification" if result.merges else "the change does not merge with the tip"
    return f"{what}:\n{result.tail}" if result.tail else what
