"""What is known of a run, beside where it stands: who asked for its end, and how it ended. Pure values."""

from __future__ import annotations

from enum import StrEnum


class StopRequest(StrEnum):
    """Why a run was told to stop."""

    NONE = ""
    LOST = "lost"
    """Its daemon was killed: it is started again, the same run, unless it had ended by itself."""
    SHUTDOWN = "shutdown"
    """The daemon ends: the task begins again with the next one, and no attempt is used."""
    BUDGET = "budget used up"
    USER = "user"
    """Somebody wrote another status: where the task stands is settled."""


class RunReason(StrEnum):
    """How the agent's latest start ended, or what became of what it made."""

    NONE = ""
    """It has not ended."""
    DONE = "done"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    STALLED = "stalled"
    CRASHED = "crashed"
    BUDGET = "budget"
    MACHINE = "machine"
    SETUP = "setup"
    """Its slot could not be made ready."""
    VERIFICATION_FAILED = "red"
    REJECTED = "rejected"
    """Somebody rejected its change or its plan."""


INTERRUPTED_REASONS = frozenset(
    {RunReason.CANCELLED, RunReason.UNAVAILABLE, RunReason.BUDGET, RunReason.SETUP, RunReason.MACHINE}
)
"""A run that ended so did not come to its end."""

RESUMABLE_REASONS = frozenset(
    {RunReason.DONE, RunReason.CANCELLED, RunReason.VERIFICATION_FAILED, RunReason.UNAVAILABLE, RunReason.BUDGET}
)
"""A run that ended so has a session that is worth resuming; after any other end the agent begins from nothing."""
