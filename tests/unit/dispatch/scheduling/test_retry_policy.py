from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.model import OnError
from coworkd.dispatch.scheduling.retry_policy import (
    MAX_PAUSE,
    NOT_COUNTED,
    AttemptOutcome,
    GiveUp,
    RetryAfter,
    RetryPolicy,
    decide_retry,
)


def policy(on_error: OnError = OnError.RETRY, attempts: int = 3, backoff: float = 2.0) -> RetryPolicy:
    return RetryPolicy(on_error=on_error, max_attempts=attempts, backoff=backoff)


@pytest.mark.parametrize(("used", "pause"), [(1, 2.0), (2, 6.0)])
def test_each_further_attempt_waits_three_times_longer(used: int, pause: float) -> None:
    decision = decide_retry(AttemptOutcome.FAILED, used, policy())
    assert decision == RetryAfter(pause=pause, reason=f"failed; attempt {used + 1} of 3 follows")


def test_the_last_attempt_gives_up() -> None:
    assert decide_retry(AttemptOutcome.VERIFICATION_FAILED, 3, policy()) == GiveUp(
        reason="verification failed (attempt 3 of 3)"
    )


@pytest.mark.parametrize("outcome", sorted(set(AttemptOutcome) - NOT_COUNTED))
@pytest.mark.parametrize(("on_error", "abort"), [(OnError.SKIP, False), (OnError.ABORT, True)])
def test_without_retry_the_first_failure_is_final(outcome: AttemptOutcome, on_error: OnError, abort: bool) -> None:
    assert decide_retry(outcome, 1, policy(on_error)) == GiveUp(reason=str(outcome), abort=abort)


@pytest.mark.parametrize("on_error", OnError)
def test_a_missing_login_is_not_tried_again(on_error: OnError) -> None:
    assert decide_retry(AttemptOutcome.AUTH, 1, policy(on_error)) == GiveUp(
        reason="not signed in", abort=on_error is OnError.ABORT
    )


@given(outcome=st.sampled_from(sorted(NOT_COUNTED)), used=st.integers(0, 50), on_error=st.sampled_from(OnError))
def test_outcomes_that_are_not_counted_are_retried_for_ever(
    outcome: AttemptOutcome, used: int, on_error: OnError
) -> None:
    assert isinstance(decide_retry(outcome, used, policy(on_error, attempts=1)), RetryAfter)


@given(
    used=st.integers(1, 2000),
    backoff=st.floats(0.001, 1e4),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_pauses_grow_within_their_bounds(used: int, backoff: float, jitter: float) -> None:
    first, second = (
        decide_retry(AttemptOutcome.FAILED, n, policy(attempts=9999, backoff=backoff), jitter) for n in (used, used + 1)
    )
    assert isinstance(first, RetryAfter)
    assert isinstance(second, RetryAfter)
    assert 0 < first.pause <= second.pause <= MAX_PAUSE * 1.25
