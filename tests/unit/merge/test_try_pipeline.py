"""What two runs of a finding's command say about it, and what is known of a change that is not green."""

from __future__ import annotations

import pytest

from coworkd.core.model import Check
from coworkd.core.tries import ProofOutcome, TryResult
from coworkd.merge.job_values import (
    AwaitingTarget,
    Interrupted,
    VerificationFailed,
    VerificationResult,
)
from coworkd.merge.try_pipeline import judge_proof, unverified
from coworkd.merge.try_values import TryDeferred

PROOF = "pytest -q tests/t_new.py"


def ran(exit_code: int, *, timed_out: bool = False, reached: str = "", setup: bool = False) -> tuple[Check, ...]:
    return (
        Check(
            command=PROOF, exit=exit_code, seconds=0.1, tail="said", timed_out=timed_out, reached=reached, setup=setup
        ),
    )


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (ran(1), ran(1), ProofOutcome.PROVEN),
        (ran(-11), ran(-11), ProofOutcome.PROVEN),
        (ran(0), ran(0), ProofOutcome.UNPROVEN),
        (ran(126), ran(126), ProofOutcome.UNPROVEN),
        (ran(127), ran(127), ProofOutcome.UNPROVEN),
        (ran(-9, timed_out=True), ran(-9, timed_out=True), ProofOutcome.UNPROVEN),
        (ran(1, reached="/home/me/project"), ran(1, reached="/home/me/project"), ProofOutcome.UNPROVEN),
        (ran(1), ran(0), ProofOutcome.FLAKY),
        (ran(0), ran(1), ProofOutcome.FLAKY),
        (ran(1), ran(2), ProofOutcome.FLAKY),
        (ran(1, setup=True), ran(1, setup=True), ProofOutcome.UNPROVEN),
        ((), ran(1), ProofOutcome.UNPROVEN),
    ],
)
def test_only_a_command_that_fails_twice_in_the_same_way_is_a_proof(
    first: tuple[Check, ...], second: tuple[Check, ...], outcome: ProofOutcome
) -> None:
    assert judge_proof(PROOF, first, second).proof is outcome


@pytest.mark.parametrize(
    ("found", "result"),
    [
        (VerificationFailed(tip="t", checks=(), reason="`x`: exit 1"), TryResult(tail="`x`: exit 1")),
        (AwaitingTarget(tip="t", reason="waits"), TryDeferred(reason="waits")),
        (Interrupted(), TryDeferred(reason="it was interrupted")),
    ],
)
def test_what_is_not_known_yet_is_tried_again(found: VerificationResult, result: TryResult | TryDeferred) -> None:
    assert unverified(found) == result
