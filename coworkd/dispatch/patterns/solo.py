"""One agent, one run: the pattern that every other one is a longer form of."""

from __future__ import annotations

from coworkd.core.model import Mode
from coworkd.core.pattern_verdicts import PatternVerdict
from coworkd.dispatch.patterns.changes import first_tree
from coworkd.dispatch.patterns.endings import absent, taken
from coworkd.dispatch.patterns.replay import Flow, run
from coworkd.dispatch.patterns.seats import writer_seat
from coworkd.dispatch.patterns.steps import PatternSpec, Role, RunOutcome, RunStep


def solo(spec: PatternSpec) -> Flow[PatternVerdict]:
    """The author alone decides; the rest is up to verification and review."""
    step = RunStep(key="author", agent=writer_seat(spec).agent, role=Role.AUTHOR, tree=first_tree(spec))
    result = yield from run(step)
    if result.outcome is RunOutcome.ABSENT:
        return absent(step.key, result)
    words = "the plan" if spec.mode is Mode.PLAN else "the work"
    return taken(spec, step.key, f"{words} of {step.agent}, alone")
