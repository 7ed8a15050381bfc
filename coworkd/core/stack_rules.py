"""Stacks: tasks that start from changes which have not landed yet, and land behind them.

Pure. A task with `stack: true` may start as soon as each of its dependencies has landed or has a verified submission on
its way. What it makes is merged on top of the present submissions of those, and follows them when they are sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from coworkd.core.model import Status
from coworkd.core.submission_states import SubmissionState
from coworkd.core.task_states import BLOCKS_DEPENDANTS

STACKED = "stacked on "
"""How a reason begins that is about what a task is stacked on."""

_FOLLOWING = frozenset({SubmissionState.GREEN, SubmissionState.HELD, SubmissionState.CONFLICTED})
"""States in which something is known of a submission that counts for one stack only."""


class StackedOn(NamedTuple):
    """A submission that has not landed and that another task builds on."""

    task: str
    number: int

    def __str__(self) -> str:
        return f"{self.task}/{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyFacts:
    """Where a dependency stands that has not landed."""

    status: Status
    submission: int = 0
    """The number of its verified submission that is on its way; 0: there is none."""
    needs: tuple[str, ...] = ()
    """Its own dependencies that have not landed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What a task builds on that has not landed."""

    parents: tuple[StackedOn, ...] = ()
    """In the order in which they are merged: each behind what it builds on itself."""
    waits: str = ""
    """Why there is nothing to build on now, in words; empty: there is, or nothing is needed."""
    blocked: str = ""
    """Why there will be nothing to build on until a person acts; empty: nothing is in the way."""

    @property
    def obstacle(self) -> str:
        """Why nothing can be built on it now; empty: it can."""
        return self.blocked or self.waits

    @property
    def encoded(self) -> str:
        """As a row has it: `a/1 b/2`."""
        return " ".join(map(str, self.parents))


def find_stack(needs: Sequence[str], facts: Mapping[str, DependencyFacts]) -> Stack:
    """What a task builds on whose own unmet dependencies are `needs`; `facts` has them, and those behind them."""
    order = _in_merge_order(needs, facts)
    for task in order:
        if facts[task].status in BLOCKS_DEPENDANTS:
            advice = "make that ready again, or close it with `done`"
            return Stack(blocked=f"{STACKED}{task}, which is {facts[task].status}: it is blocked; {advice}")
    for task in order:
        if not facts[task].submission:
            return Stack(waits=f"{STACKED}{task}, which is {facts[task].status}: waits for its next submission")
    return Stack(parents=tuple(StackedOn(task, facts[task].submission) for task in order))


def _in_merge_order(needs: Sequence[str], facts: Mapping[str, DependencyFacts]) -> list[str]:
    """The tasks, and those behind them, each after what it needs; a cycle is walked once."""
    order: list[str] = []
    entered: set[str] = set()
    rest = [(task, False) for task in reversed(needs)]
    while rest:
        task, needed_are_in = rest.pop()
        if needed_are_in:
            order.append(task)
        elif task not in entered and task in facts:
            entered.add(task)
            rest.append((task, True))
            rest += [(behind, False) for behind in reversed(facts[task].needs)]
    return order


def parents_of(encoded: str) -> tuple[StackedOn, ...]:
    """The submissions that a row names as those it builds on."""
    pairs = (word.rpartition("/") for word in encoded.split())
    return tuple(StackedOn(task, int(number)) for task, _, number in pairs)


def stack_text(parents: Sequence[StackedOn]) -> str:
    """What a person is told: `stacked on a (submission 1)`; empty: it is stacked on nothing."""
    names = ", ".join(f"{parent.task} (submission {parent.number})" for parent in parents)
    return f"{STACKED}{names}" if names else ""


def reason_to_move(state: SubmissionState, recorded: str, stack: Stack) -> str:
    """Why a submission has to be merged and verified on another stack than it was; empty: it has not.

    `recorded`: what it was merged with last. One that has landed meanwhile is below the tip, and no other stack.
    """
    if state not in _FOLLOWING:
        return ""
    if stack.obstacle:
        return stack.obstacle
    moved = [str(parent) for parent in stack.parents if parent not in parents_of(recorded)]
    return f"it is moved to {', '.join(moved)}, which was sent again" if moved else ""
