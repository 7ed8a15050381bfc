"""What untrusted text of a task may ask for: its harmless keys, and of the others only what tightens.

Pure. The result starts as the task that is known here, so that an unlisted key has no effect.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from coworkd.core.model import ApprovalPoint, Budget, Criterion, Loop, Settings, TaskSpec

Bound = TypeVar("Bound", int, float)

_READ_FROM_TEXT = ("body", "status_notice")
"""What the text says without a key; it is shown, and runs nothing."""


def clamp_untrusted(spec: TaskSpec, known: TaskSpec, settings: Settings, harmless: Collection[str]) -> TaskSpec:
    """The task as its untrusted text has it, within the text `known` here and the workspace's settings.

    `harmless` names the keys that count from any text.
    """
    shown: dict[str, Any] = {name: getattr(spec, name) for name in (*harmless, *_READ_FROM_TEXT)}
    limited: dict[str, Any] = {name: limit(spec, known, settings) for name, limit in LIMITS.items()}
    return replace(known, **shown, **limited)


def _verify(spec: TaskSpec, known: TaskSpec, _settings: Settings) -> tuple[str, ...]:
    return (*known.verify, *_left_out(spec, known))


def _criteria(spec: TaskSpec, known: TaskSpec, _settings: Settings) -> tuple[Criterion, ...]:
    return tuple(_claimed(item, _commands(known)) for item in spec.criteria)


def _batch(spec: TaskSpec, known: TaskSpec, _settings: Settings) -> bool:
    return known.batch and spec.batch


def _approve(spec: TaskSpec, known: TaskSpec, settings: Settings) -> frozenset[ApprovalPoint] | None:
    return known.approve if spec.approve is None else spec.approve | (known.approve or settings.approve)


def _budget(spec: TaskSpec, known: TaskSpec, _settings: Settings) -> Budget:
    return Budget(
        usd=_least(spec.budget.usd, known.budget.usd),
        tokens=_least(spec.budget.tokens, known.budget.tokens),
        minutes=_least(spec.budget.minutes, known.budget.minutes),
    )


def _timeout(spec: TaskSpec, known: TaskSpec, _settings: Settings) -> float | None:
    return _least(spec.timeout, known.timeout)


def _max_attempts(spec: TaskSpec, known: TaskSpec, settings: Settings) -> int | None:
    return _least(spec.max_attempts, known.max_attempts or settings.max_attempts)


def _loop(spec: TaskSpec, known: TaskSpec, _settings: Settings) -> Loop | None:
    if known.loop is None or spec.loop is None:
        return known.loop
    return replace(
        spec.loop, max_iterations=min(spec.loop.max_iterations, known.loop.max_iterations),
        delay=max(spec.loop.delay, known.loop.delay),
    )  # fmt: skip


_Limit: TypeAlias = Callable[[TaskSpec, TaskSpec, Settings], Any]

LIMITS: Mapping[str, _Limit] = {
    "verify": _verify,
    "criteria": _criteria,
    "batch": _batch,
    "approve": _approve,
    "budget": _budget,
    "timeout": _timeout,
    "max_attempts": _max_attempts,
    "loop": _loop,
}
"""The value of each key that may tighten; criteria stand in the body."""


def _left_out(spec: TaskSpec, known: TaskSpec) -> tuple[str, ...]:
    """Proofs that the untrusted text no longer names: it takes none away."""
    named = {item.command for item in spec.criteria}
    return tuple(item.command for item in known.criteria if item.command and item.command not in named)


def _commands(known: TaskSpec) -> tuple[str, ...]:
    """What proves the task, as it was typed here."""
    return (*known.verify, *(item.command for item in known.criteria if item.command))


def _claimed(item: Criterion, commands: tuple[str, ...]) -> Criterion:
    """A command that was not typed here is not run: what it would prove is only claimed."""
    return item if item.command in commands else replace(item, command="")


def _least(one: Bound | None, other: Bound | None) -> Bound | None:
    return min((bound for bound in (one, other) if bound is not None), default=None)
