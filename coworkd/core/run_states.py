"""The state machine of a run: one time that an agent works on a task.

Pure. The diagram in the documentation is drawn from `RUN_STATES`, `store.runs` refuses every other move, and a test
walks the table.
"""

from __future__ import annotations

from enum import StrEnum

from coworkd.core.state_machine import StateMachine


class RunState(StrEnum):
    """Where a run stands. It is live in every state but `ended`."""

    PREPARING = "preparing"
    """Its slot is being made ready; no process exists."""
    WORKING = "working"
    WAITING = "waiting"
    """A question or permission is open. The agent may be alive, or gone until the answer comes."""
    SUBMITTING = "submitting"
    """The agent has ended; what it left is being imported or kept."""
    ENDED = "ended"


R = RunState

RUN_STATES = StateMachine(
    name="run",
    start=R.PREPARING,
    moves={
        R.PREPARING: frozenset({R.WORKING, R.ENDED}),
        # To waiting also without a question: an agent that left with a session is started again in its slot.
        R.WORKING: frozenset({R.WAITING, R.SUBMITTING, R.ENDED}),
        # To preparing when its slot is gone: the run begins again, with the answers it has.
        R.WAITING: frozenset({R.WORKING, R.PREPARING, R.SUBMITTING, R.ENDED}),
        # To preparing when the run was lost with the daemon and has no session: same run, same attempt, a clean slot.
        R.SUBMITTING: frozenset({R.PREPARING, R.ENDED}),
        R.ENDED: frozenset(),
    },
)
"""What may follow each state of a run."""

LIVE_STATES = frozenset(R) - RUN_STATES.final
"""The run takes up a slot, and its end is still to come."""

WORKING_STATES = LIVE_STATES - {R.WAITING}
"""The run counts against `concurrency`."""
