"""What follows when an attempt came to nothing, or a round of a loop is over: another one, or the end. Pure."""

from __future__ import annotations

from coworkd.agents.port import ErrorKind
from coworkd.core.model import Loop
from coworkd.core.runs import RunReason
from coworkd.dispatch.runs.effects import Effect, EndRound, Fail, Hold, Requeue, Retry
from coworkd.dispatch.runs.failure_text import first_line, with_detail
from coworkd.dispatch.runs.loop_rules import NextRound, VerifyRound, after_round, round_of
from coworkd.dispatch.runs.run_ends import AfterRunContext
from coworkd.dispatch.scheduling.retry_policy import (
    NOT_COUNTED,
    NOT_RETRYABLE,
    AttemptOutcome,
    GiveUp,
    RetryAfter,
    decide_retry,
)
from coworkd.store import FinishedRun

UNVERIFIED_ROUND = "its promise was made, but nothing was verified"
"""What is not right with a round that made its promise and was not submitted."""

_MAY_BE_THE_MACHINE = frozenset(
    {
        AttemptOutcome.FAILED,
        AttemptOutcome.CRASHED,
        AttemptOutcome.TIMED_OUT,
        AttemptOutcome.STALLED,
        AttemptOutcome.VERIFICATION_FAILED,
        AttemptOutcome.UNUSABLE_SUBMISSION,
    }
)
"""Outcomes that an agent or a command also comes to by itself where no file can be written."""

_OUTCOMES = {
    RunReason.FAILED: AttemptOutcome.FAILED,
    RunReason.TIMED_OUT: AttemptOutcome.TIMED_OUT,
    RunReason.STALLED: AttemptOutcome.STALLED,
    RunReason.CRASHED: AttemptOutcome.CRASHED,
    RunReason.UNAVAILABLE: AttemptOutcome.UNAVAILABLE,
    RunReason.MACHINE: AttemptOutcome.MACHINE,
}


def attempt_outcome(run: FinishedRun) -> AttemptOutcome:
    """How the attempt of a run ended, for the rules of retries."""
    if run.state.reason is RunReason.FAILED and run.error and run.error.kind == ErrorKind.CONTEXT:
        return AttemptOutcome.CONTEXT
    return _OUTCOMES.get(run.state.reason, AttemptOutcome.FAILED)


def after_loop_round(context: AfterRunContext, loop: Loop, failure: str) -> tuple[Effect, ...]:
    """A round is over, its files are kept: the next one begins, or the loop has come to its end."""
    decision = after_round(loop, [*context.policy.rounds, round_of(context.run, loop, failure)])
    if isinstance(decision, VerifyRound):
        # Nothing was submitted that could be verified, such as when the promise was changed meanwhile.
        decision = after_round(loop, [*context.policy.rounds, round_of(context.run, loop, UNVERIFIED_ROUND)])
    assert not isinstance(decision, VerifyRound), "a round with a failure is never verified"
    over = EndRound(reason=decision.reason)
    if isinstance(decision, NextRound):
        reason = f"round {decision.number} of {loop.max_iterations} follows: {first_line(decision.reason)}"
        return (over, Requeue(reason=reason, not_before=context.now + loop.delay))
    return (over, *after_failure(context, AttemptOutcome.LOOP, decision.reason))


def after_failure(
    context: AfterRunContext, outcome: AttemptOutcome, detail: str, *, hint: str = ""
) -> tuple[Effect, ...]:
    """The attempt came to nothing: retry, or fail, by the task's own rules. `hint` is shown whole."""
    hold: tuple[Effect, ...] = ()
    if outcome in _MAY_BE_THE_MACHINE and (fault := context.policy.machine_fault()) is not None:
        outcome, detail, hold = AttemptOutcome.MACHINE, str(fault), (Hold(fault=fault),)
    counted = outcome not in NOT_COUNTED
    failures = context.task.failures + counted
    decision = decide_retry(outcome, failures, context.policy.retry, context.policy.jitter)
    match decision:
        case RetryAfter(pause=pause, reason=reason):
            text = with_detail(reason, first_line(detail), hint)
            until = context.now + pause
            return (*hold, Retry(reason=text, failures=failures, not_before=until, counted=counted))
        case GiveUp(reason=reason, abort=abort):
            text = with_detail(reason, detail if outcome in NOT_RETRYABLE else first_line(detail), hint)
            return (*hold, Fail(reason=text, failures=failures, abort=abort))
