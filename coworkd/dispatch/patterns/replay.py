"""How a pattern is plain code: it asks for steps, and goes on with their results once all of them have ended.

A pattern is a generator, a `Flow`. `yield from run(step)` gives the step's result; where the step has not ended, the
generator is closed at that place, and the answer is what it asked for. Next time it runs from its beginning, with the
results that there are by then. So the laws of `steps` hold by construction, as long as a flow decides on its `spec` and
on results alone:

- It gets to a place only by results that stay the same, so it asks for the same steps there, until they have ended.
- It never looks at what has ended but through what it asked for, so the order of endings cannot matter.
- It ends, as every loop in a pattern has a number of rounds.

`gather` runs several flows beside each other: each goes on as soon as its own steps have ended.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar

from coworkd.core.pattern_verdicts import PatternVerdict
from coworkd.core.tries import TryResult, TryStep
from coworkd.dispatch.patterns.steps import (
    History,
    NextSteps,
    Pattern,
    PatternSpec,
    RunResult,
    RunStep,
    Step,
    StepResult,
)

T = TypeVar("T")
Flow = Generator[tuple[Step, ...], History, T]
"""Code that asks for steps and ends with a value: it is sent the history once all that it asked for has ended."""
PatternFlow = Callable[[PatternSpec], Flow[PatternVerdict]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSteps:
    """What a flow waits for."""

    steps: tuple[Step, ...]


def advance(flow: Flow[T], history: History) -> T | PendingSteps:
    """Run a flow from its beginning to its end, or to the first steps that have not ended."""
    try:
        asked = next(flow)
        while True:
            pending = tuple(step for step in asked if step.key not in history)
            if pending:
                flow.close()
                return PendingSteps(steps=pending)
            asked = flow.send(history)
    except StopIteration as end:
        return end.value


def run(step: RunStep) -> Flow[RunResult]:
    """The result of a run."""
    history = yield (step,)
    return _run_result(history[step.key])


def run_all(steps: Sequence[RunStep]) -> Flow[tuple[RunResult, ...]]:
    """The results of runs that are independent of each other, in the order of `steps`."""
    history = yield tuple(steps)
    return tuple(_run_result(history[step.key]) for step in steps)


def attempt(step: TryStep) -> Flow[TryResult]:
    """The result of a try."""
    history = yield (step,)
    return _try_result(history[step.key])


def attempt_all(steps: Sequence[TryStep]) -> Flow[tuple[TryResult, ...]]:
    """The results of tries, in the order of `steps`."""
    history = yield tuple(steps)
    return tuple(_try_result(history[step.key]) for step in steps)


def gather(branches: Sequence[Flow[T]]) -> Flow[tuple[T, ...]]:
    """The values of several flows, in their order; none of them waits for another one's steps."""
    history = yield ()
    states = [advance(branch, history) for branch in branches]
    pending = tuple(step for state in states if isinstance(state, PendingSteps) for step in state.steps)
    if pending:
        yield pending
    return tuple(state for state in states if not isinstance(state, PendingSteps))


def replayed(pattern: PatternFlow) -> Pattern:
    """A pattern in the shape that a dispatcher calls."""

    @wraps(pattern)
    def decide(spec: PatternSpec, history: History) -> NextSteps:
        state = advance(pattern(spec), history)
        return state.steps if isinstance(state, PendingSteps) else state

    return decide


def asked_steps(pattern: Pattern, spec: PatternSpec, history: History) -> tuple[Step, ...]:
    """Every step that was asked for on the way to where this history stands, in the order in which it could begin."""
    seen: dict[str, Step] = {}
    known: dict[str, StepResult] = {}
    while not isinstance(asked := pattern(spec, known), PatternVerdict):
        seen |= {step.key: step for step in asked if step.key not in seen}
        ended = _ended(asked, history)
        if not ended:
            break
        known |= ended
    return tuple(seen.values())


def _ended(asked: Sequence[Step], history: History) -> Mapping[str, StepResult]:
    return {step.key: history[step.key] for step in asked if step.key in history}


def _run_result(result: StepResult) -> RunResult:
    assert isinstance(result, RunResult), "a run ends with the result of a run"
    return result


def _try_result(result: StepResult) -> TryResult:
    assert isinstance(result, TryResult), "a try ends with the result of a try"
    return result
