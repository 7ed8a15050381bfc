"""Orders and letters that are the same each time and favour none: from the attempt and the step, never from chance."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from coworkd.dispatch.patterns.steps import PatternSpec


def shuffled(spec: PatternSpec, step: str, keys: Sequence[str]) -> tuple[str, ...]:
    """The keys in the order in which this step is shown them."""
    return tuple(sorted(keys, key=lambda key: _digest(spec, step, key)))


def both_orders(spec: PatternSpec, step: str, keys: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Two orders in which every pair stands once this way and once the other."""
    order = shuffled(spec, step, keys)
    return order, order[::-1]


def _digest(spec: PatternSpec, step: str, key: str) -> bytes:
    return sha256("\0".join((spec.task, str(spec.attempt), step, key)).encode()).digest()
