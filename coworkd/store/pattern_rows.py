"""The rows of patterns of collaboration and of their steps, as `rows` has those of everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from coworkd.core.step_states import StepKind, StepState


class PatternKey(NamedTuple):
    """One attempt of a task."""

    task: str
    attempt: int


class StepKey(NamedTuple):
    """Which step a row, a run or a job is about."""

    task: str
    attempt: int
    key: str

    def __str__(self) -> str:
        return f"{self.task}/{self.attempt}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternRow:
    """A pattern of collaboration at work on one attempt of a task."""

    task: str
    attempt: int
    spec: str
    """JSON of what it decides on; the same for the whole attempt."""
    began: float
    ended: float | None = None
    verdict: str = ""
    """JSON of its verdict; empty: it is at work."""
    decided: str = ""
    """JSON of the verdict of a person, where it could not decide; empty: there is none."""

    @property
    def key(self) -> PatternKey:
        return PatternKey(self.task, self.attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """Something that a pattern asked for, and its result."""

    task: str
    attempt: int
    key: str
    """Which step of the attempt, such as `propose.a`."""
    kind: StepKind
    request: str
    """JSON of what was asked for, word for word."""
    state: StepState = StepState.ASKED
    asked: float
    ended: float | None = None
    not_before: float = 0.0
    """When its next run may start."""
    failures: int = 0
    """Runs of it that failed."""
    asked_again: bool = False
    """Its reply could not be read, and its agent is asked for the block alone."""
    reason: str = ""
    """Why it is not at work, or how its last run failed, in words."""
    run: str = ""
    """The run that ended it; empty: none has, or it is a try."""
    number: int = 0
    """The number of the ref with what it made; 0: it made nothing that could be submitted."""
    commit_id: str = ""
    """The commit with what its run left."""
    tree: str = ""
    base: str = ""
    """The commit that its run began with."""
    result: str = ""
    """JSON of its result; empty: it has not ended."""

    @property
    def step_key(self) -> StepKey:
        return StepKey(self.task, self.attempt, self.key)
