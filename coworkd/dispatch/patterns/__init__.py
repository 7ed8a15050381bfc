"""Collaboration patterns: pure functions from the history of a task's runs to the next steps or a verdict.

A pattern holds no state, so a restart in its middle is free. It must never perform I/O.
"""

from collections.abc import Mapping

from coworkd.dispatch.patterns.base import Pattern, StartStep
from coworkd.dispatch.patterns.solo import next_steps as solo

PATTERNS: Mapping[str, Pattern] = {"solo": solo}
"""Every pattern by the name that a task's `pattern:` gives it."""


def first_step(pattern: str, agent: str) -> StartStep:
    """What an attempt begins with: nothing was made yet that could be submitted."""
    step = PATTERNS[pattern](agent, ())
    assert isinstance(step, StartStep), f"the pattern `{pattern}` begins with a run"
    return step
