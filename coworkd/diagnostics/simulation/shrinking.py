"""The shortest history that still fails: steps are left out, then a pause is made simpler, while it goes on failing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from coworkd.diagnostics.simulation.steps import History

Fails = Callable[[History], bool]


def minimise(history: History, fails: Fails) -> History:
    """Delta debugging. `fails` must hold for `history`, and holds for what is returned."""
    size = len(history) // 2
    while size:
        history = _without_chunks(history, size, fails)
        size //= 2
    history = _simpler(history, fails)
    while (shorter := _without_chunks(history, 1, fails)) != history:
        history = shorter
    return history


def _without_chunks(history: History, size: int, fails: Fails) -> History:
    at = 0
    while at < len(history):
        shorter = history[:at] + history[at + size :]
        if fails(shorter):
            history = shorter
        else:
            at += size
    return history


def _simpler(history: History, fails: Fails) -> History:
    """The same steps, without details that are not needed."""
    for number, step in enumerate(history):
        for simpler in (dataclasses.replace(step, pause=0.0), dataclasses.replace(step, pause=2.5)):
            other = (*history[:number], simpler, *history[number + 1 :])
            if simpler != step and fails(other):
                history = other
                break
    return history
