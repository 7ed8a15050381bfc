"""What foreign text may still ask for, within what was typed here: it can tighten, never loosen.

Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from coworkd.core.model import Budget, Criterion, Settings, TaskSpec

Bound = TypeVar("Bound", int, float)


def clamp_untrusted(spec: TaskSpec, known: TaskSpec, settings: Settings) -> TaskSpec:
    """The task as its foreign text has it, bounded by the text `known` here and the workspace's settings."""
    attempts = known.max_attempts or settings.max_attempts
    return replace(
        spec,
        verify=(*known.verify, *_left_out(spec, known)),
        criteria=tuple(_claimed(item, _commands(known)) for item in spec.criteria),
        approve=known.approve if spec.approve is None else spec.approve | (known.approve or settings.approve),
        budget=Budget(
            usd=_least(spec.budget.usd, known.budget.usd),
            tokens=_least(spec.budget.tokens, known.budget.tokens),
            minutes=_least(spec.budget.minutes, known.budget.minutes),
        ),
        timeout=_least(spec.timeout, known.timeout),
        max_attempts=_least(spec.max_attempts, attempts),
        loop=known.loop
        if known.loop is None or spec.loop is None
        else replace(spec.loop, max_iterations=min(spec.loop.max_iterations, known.loop.max_iterations)),
    )


def _left_out(spec: TaskSpec, known: TaskSpec) -> tuple[str, ...]:
    """Proofs that the foreign text no longer names: it takes none away."""
    named = {item.command for item in spec.criteria}
    return tuple(item.command for item in known.criteria if item.command and item.command not in named)


def _commands(known: TaskSpec) -> tuple[str, ...]:
    """What proves the task, as it was typed here."""
    return (*known.verify, *(item.command for item in known.criteria if item.command))


def _claimed(item: Criterion, commands: tuple[str, ...]) -> Criterion:
    """A command that nobody typed here is not run: what it would prove is only claimed."""
    return item if item.command in commands else replace(item, command="")


def _least(one: Bound | None, other: Bound | None) -> Bound | None:
    return min((bound for bound in (one, other) if bound is not None), default=None)
