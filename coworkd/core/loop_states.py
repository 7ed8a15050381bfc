"""The state machine of a loop: rounds of one task, one after another, until what was promised is proven.

Pure. It is not stored: where a loop stands follows from its task's status and its round's run, so that no crash can
leave it between two of them. The diagram in the documentation is drawn from `LOOP_STATES`, and tests walk the table
while they kill the daemon after each step.

The five steps are in these states: `idle` selects the round, `running` builds its prompt, runs the agent and detects
how it ended, `verifying` looks for the proof of what it promised; what comes next is decided on the way back to `idle`.
"""

from __future__ import annotations

from enum import StrEnum

from coworkd.core.model import Status
from coworkd.core.run_states import RunState
from coworkd.core.runs import StopRequest
from coworkd.core.state_machine import StateMachine


class LoopState(StrEnum):
    """Where a loop stands."""

    IDLE = "idle"
    """Between two rounds, or before the first: the next one starts when there is a place."""
    RUNNING = "running"
    """A round's slot is made ready, its agent works or waits for a person, or its work is brought in."""
    VERIFYING = "verifying"
    """The promise was said: what the round made is verified, reviewed and landed."""
    PAUSING = "pausing"
    """The round is interrupted and its agent still ends; the same round is to be run again."""
    PAUSED = "paused"
    STOPPING = "stopping"
    """A person has ended the loop, and its agent still has to end."""
    ENDED = "ended"
    """Proven, out of rounds or without progress, or ended by a person. `ready` begins another loop."""


L = LoopState

LOOP_STATES = StateMachine(
    name="loop",
    start=L.IDLE,
    moves={
        L.IDLE: frozenset({L.RUNNING, L.PAUSED, L.ENDED}),
        L.RUNNING: frozenset({L.IDLE, L.VERIFYING, L.PAUSING, L.PAUSED, L.STOPPING, L.ENDED}),
        L.VERIFYING: frozenset({L.IDLE, L.PAUSED, L.ENDED}),
        L.PAUSING: frozenset({L.IDLE, L.PAUSED, L.STOPPING}),
        L.PAUSED: frozenset({L.IDLE, L.ENDED}),
        # To pausing when `ready` is written before the agent is gone.
        L.STOPPING: frozenset({L.PAUSING, L.ENDED}),
        L.ENDED: frozenset(),
    },
)
"""What may follow each state of a loop."""

_WITHOUT_RUN = {
    Status.READY: L.IDLE,
    Status.RUNNING: L.VERIFYING,
    Status.WAITING: L.VERIFYING,
    Status.REVIEW: L.VERIFYING,
    Status.MERGING: L.VERIFYING,
    Status.PAUSED: L.PAUSED,
}

_OVER = frozenset({Status.DONE, Status.FAILED, Status.CANCELLED, Status.DRAFT})


def loop_state(status: Status, run: RunState | None, stop: StopRequest) -> LoopState:
    """Where the loop of a task stands; `run` and `stop` are those of its round, `run` None where there is none."""
    if run is None or run is RunState.ENDED:
        return _WITHOUT_RUN.get(status, L.ENDED)
    if status in _OVER:
        return L.STOPPING
    return L.RUNNING if stop is StopRequest.NONE and status is not Status.PAUSED else L.PAUSING
