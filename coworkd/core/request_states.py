"""The state machine of a request: a question, a permission, a plan or a merge that a person decides about.

Pure. The diagram in the documentation is drawn from `REQUEST_STATES`, `store.requests` refuses every other move, and a
test walks the table.
"""

from __future__ import annotations

from enum import StrEnum

from coworkd.core.state_machine import StateMachine


class RequestState(StrEnum):
    """What has become of a request."""

    OPEN = "open"
    """Not answered yet."""
    ANSWERED = "answered"
    """The answer is there, and has not been acted on."""
    USED = "used"
    """The answer was acted on; it is good for one use."""
    VOID = "void"
    """It is no longer asked, and an answer to it counts for nothing."""


R = RequestState

REQUEST_STATES = StateMachine(
    name="request",
    start=R.OPEN,
    moves={
        # To used at once, where the answer is acted on in the transaction that takes it.
        R.OPEN: frozenset({R.ANSWERED, R.USED, R.VOID}),
        R.ANSWERED: frozenset({R.USED, R.VOID}),
        # To answered again, when the agent had ended before the answer reached it: its next start is given it.
        R.USED: frozenset({R.ANSWERED}),
        R.VOID: frozenset(),
    },
)
"""What may follow each state of a request."""

PENDING_STATES = frozenset({R.OPEN, R.ANSWERED})
"""Something still has to happen before the request is settled."""
