"""The state machine of a step: a run or a try that a pattern of collaboration asks for.

Pure. The diagram in the documentation is drawn from `STEP_STATES`, `store.steps` refuses every other move, and a test
walks the table.
"""

from __future__ import annotations

from enum import StrEnum

from coworkd.core.state_machine import StateMachine


class StepState(StrEnum):
    """Where a step stands."""

    ASKED = "asked"
    """The pattern asked for it; it may have had runs that came to nothing."""
    ENDED = "ended"
    """Its result is known, and is never another one."""


S = StepState

STEP_STATES = StateMachine(
    name="step",
    start=S.ASKED,
    moves={S.ASKED: frozenset({S.ENDED}), S.ENDED: frozenset()},
)
"""What may follow each state of a step."""


class StepKind(StrEnum):
    """What a step is."""

    RUN = "run"
    """An agent works: `dispatch` carries it out."""
    TRY = "try"
    """Commands on a change: `merge` carries it out."""
