"""What follows when an attempt did not succeed.

Pure: the outcome and the attempts used up go in, one decision with its reason comes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.model import OnError

FACTOR = 3.0
"""Each further attempt waits this many times longer."""

MAX_PAUSE = 3600.0
"""The longest pause between attempts, in seconds."""


_MAX_STEPS = 30
"""Steps of growth after which every pause is the longest; more would overflow."""


class AttemptOutcome(StrEnum):
    """How an attempt ended without a verified submission."""

    FAILED = "failed"
    TIMED_OUT = "timed out"
    STALLED = "no output for too long"
    CRASHED = "crashed"
    VERIFICATION_FAILED = "verification failed"
    UNUSABLE_SUBMISSION = "unusable submission"
    UNAVAILABLE = "agent unavailable"
    AUTH = "not signed in"
    LOOP = "the loop ended without proof"
    CONTEXT = "too long for the model's context"
    MACHINE = "this machine is at fault"


NOT_COUNTED = frozenset({AttemptOutcome.UNAVAILABLE, AttemptOutcome.MACHINE})
"""Outcomes that are not the task's fault and use up no attempt."""


NOT_RETRYABLE = frozenset({AttemptOutcome.LOOP, AttemptOutcome.AUTH, AttemptOutcome.CONTEXT})
"""Outcomes with which another attempt would end as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAfter:
    """Retry, no sooner than `pause` seconds from now."""

    pause: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """The task failed. With `abort` nothing new is started either."""

    reason: str
    abort: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    on_error: OnError
    max_attempts: int
    backoff: float
    """Seconds before the second attempt."""


def decide_retry(outcome: AttemptOutcome, used: int, policy: RetryPolicy, jitter: float = 0.0) -> RetryAfter | GiveUp:
    """After an attempt with this outcome, `used` attempts being used up with it (free ones not counted).

    `jitter` in [0, 1) stretches the pause by up to a quarter, so that tasks that failed together are not retried
    together.
    """
    if outcome in NOT_COUNTED:
        return RetryAfter(pause=retry_pause(policy.backoff, max(used, 1), jitter), reason=f"{outcome}; trying again")
    if outcome in NOT_RETRYABLE:
        return GiveUp(reason=str(outcome), abort=policy.on_error is OnError.ABORT)
    if policy.on_error is OnError.RETRY and used < policy.max_attempts:
        reason = f"{outcome}; attempt {used + 1} of {policy.max_attempts} follows"
        return RetryAfter(pause=retry_pause(policy.backoff, used, jitter), reason=reason)
    reason = (
        f"{outcome} (attempt {used} of {policy.max_attempts})" if policy.on_error is OnError.RETRY else str(outcome)
    )
    return GiveUp(reason=reason, abort=policy.on_error is OnError.ABORT)


def retry_pause(base: float, used: int, jitter: float = 0.0) -> float:
    """Seconds to wait after `used` attempts in a row without success."""
    growth = FACTOR ** min(max(used - 1, 0), _MAX_STEPS)
    return min(base * growth, MAX_PAUSE) * (1 + jitter / 4)
