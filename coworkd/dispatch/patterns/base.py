"""The shape of a pattern: the runs of this attempt so far in, what to do next out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run of the present attempt that is over."""

    run: str
    role: str
    ended_well: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StartStep:
    """Run this agent in this role."""

    agent: str
    role: str
    number: int
    """Which step of the attempt it is, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitWork:
    """The attempt is over: what this run made goes to the merge queue."""

    run: str


PatternStep = StartStep | SubmitWork
Pattern = Callable[[str, Sequence[PastRun]], PatternStep]
