"""One agent, one run: the pattern that every other one is a longer form of."""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.core.model import Mode
from coworkd.dispatch.patterns.base import PastRun, PatternStep, StartStep, SubmitWork
from coworkd.dispatch.patterns.changes import first_tree
from coworkd.dispatch.patterns.endings import absent, taken
from coworkd.dispatch.patterns.replay import Flow, run
from coworkd.dispatch.patterns.seats import writer_seat
from coworkd.dispatch.patterns.steps import PatternSpec, PatternVerdict, Role, RunOutcome, RunStep


def next_steps(agent: str, history: Sequence[PastRun]) -> PatternStep:
    """Run the agent once; when it has ended well, what it made is the submission."""
    done = next((past for past in history if past.ended_well), None)
    if done is not None:
        return SubmitWork(run=done.run)
    return StartStep(agent=agent, role="author", number=len(history) + 1)


def solo(spec: PatternSpec) -> Flow[PatternVerdict]:
    """The author alone decides; the rest is up to verification and review."""
    step = RunStep(key="author", agent=writer_seat(spec).agent, role=Role.AUTHOR, tree=first_tree(spec))
    result = yield from run(step)
    if result.outcome is RunOutcome.ABSENT:
        return absent(step.key, result)
    words = "the plan" if spec.mode is Mode.PLAN else "the work"
    return taken(spec, step.key, f"{words} of {step.agent}, alone")
