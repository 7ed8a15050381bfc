"""The state machine of a submission: what an agent made, or what undoes that, on its way to the integration branch.

Pure. The diagram in the documentation is drawn from `SUBMISSION_STATES`, `store.submissions` refuses every other move,
and a test walks the table.
"""

from __future__ import annotations

from enum import StrEnum

from coworkd.core.state_machine import StateMachine


class SubmissionState(StrEnum):
    """Where a submission stands."""

    QUEUED = "queued"
    """To be merged with the integration branch and verified."""
    GREEN = "green"
    """Verified as merged with the commit `verified_on`; it may still need an approval."""
    HELD = "held"
    """Its checks fail without it, too: verified again when the tip, the commands or the machine have changed."""
    RED = "red"
    """Its checks fail because of it."""
    CONFLICTED = "conflicted"
    """It does not merge: its author resolves that, or a person."""
    LANDED = "landed"
    """The integration branch has it."""
    RETIRED = "retired"
    """Rejected, superseded, closed by hand, or cancelled. Its ref stays."""


S = SubmissionState

SUBMISSION_STATES = StateMachine(
    name="submission",
    start=S.QUEUED,
    moves={
        # What has landed has landed: found in git it is recorded, wherever the database has the submission.
        S.QUEUED: frozenset({S.GREEN, S.HELD, S.RED, S.CONFLICTED, S.LANDED, S.RETIRED}),
        # Verified again, on another tip or with other commands.
        S.GREEN: frozenset({S.QUEUED, S.HELD, S.RED, S.CONFLICTED, S.LANDED, S.RETIRED}),
        S.HELD: frozenset({S.QUEUED, S.LANDED, S.RETIRED}),
        S.RED: frozenset({S.LANDED, S.RETIRED}),
        # Merged again, when the tip that it conflicts with is not the present one any more.
        S.CONFLICTED: frozenset({S.QUEUED, S.LANDED, S.RETIRED}),
        # To conflicted again, when the run that was to resolve the conflict could not begin, or changed nothing.
        S.RETIRED: frozenset({S.CONFLICTED, S.LANDED}),
        S.LANDED: frozenset(),
    },
)
"""What may follow each state of a submission."""

IN_QUEUE = frozenset({S.QUEUED, S.GREEN})
"""The merge queue works on it."""

PENDING_SUBMISSION_STATES = IN_QUEUE | {S.HELD, S.RED, S.CONFLICTED}
"""Something still has to happen before the submission is settled."""

VERIFIABLE = IN_QUEUE | {S.HELD}
"""It may land as it is: its candidate and its approval still count."""
