from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.board.approvals.decision import (
    ApprovalOutcome,
    ApprovalRequirement,
    SubmittedAnswer,
    decide,
    decide_choice,
)
from coworkd.core.model import Answer

NOW, BEFORE = "4f1c", "9e20"


def given_answer(answer: str, request: str = NOW, *, pulled: bool = False) -> SubmittedAnswer:
    return SubmittedAnswer(answer=answer, written=answer, request=request, pulled=pulled)


@pytest.mark.parametrize(
    ("answer", "request_id", "pulled", "ruling"),
    [
        ("pending", NOW, False, ApprovalOutcome.NONE),
        ("pending", BEFORE, True, ApprovalOutcome.NONE),
        ("approved", NOW, False, ApprovalOutcome.APPROVED),
        ("approved", BEFORE, False, ApprovalOutcome.VOID),
        ("approved", "", False, ApprovalOutcome.VOID),
        ("approved", NOW, True, ApprovalOutcome.HELD),
        ("approved", BEFORE, True, ApprovalOutcome.HELD),
        ("changes", NOW, False, ApprovalOutcome.CHANGES),
        ("changes", BEFORE, False, ApprovalOutcome.VOID),
        ("changes", NOW, True, ApprovalOutcome.HELD),
        ("rejected", NOW, False, ApprovalOutcome.REJECTED),
        ("rejected", BEFORE, False, ApprovalOutcome.REJECTED),
        ("rejected", NOW, True, ApprovalOutcome.REJECTED),
        ("held", NOW, False, ApprovalOutcome.HELD),
        ("held", BEFORE, True, ApprovalOutcome.HELD),
    ],
)
def test_what_an_answer_means(answer: str, request_id: str, pulled: bool, ruling: ApprovalOutcome) -> None:
    made = decide(NOW, given_answer(answer, request_id, pulled=pulled))
    assert made.outcome is ruling
    assert bool(made.reason) == (ruling in (ApprovalOutcome.VOID, ApprovalOutcome.HELD)), (
        "whatever does not count says why"
    )


@given(answer=st.text() | st.sampled_from(list(Answer)), request=st.text(), pulled=st.booleans())
def test_an_approval_takes_the_exact_word_the_open_request_and_this_machine(
    answer: str, request: str, pulled: bool
) -> None:
    made = decide(NOW, given_answer(answer, request, pulled=pulled))
    if made.outcome is ApprovalOutcome.APPROVED:
        assert (answer, request, pulled) == ("approved", NOW, False)


def test_the_odd_word_is_quoted() -> None:
    assert "`Approved`" in decide(NOW, SubmittedAnswer(answer="held", written="Approved")).reason


BY_TERMINAL, BY_COMMAND = (
    ApprovalRequirement(terminal_reason="on a terminal"),
    ApprovalRequirement(command_reason="by command"),
)
BOTH = ApprovalRequirement(terminal_reason="on a terminal", command_reason="by command")


@pytest.mark.parametrize(
    ("requirement", "on_terminal", "signer", "by_command", "reason"),
    [
        (BY_TERMINAL, False, "", False, "on a terminal"),
        (BY_TERMINAL, False, "", True, "on a terminal"),
        (BY_TERMINAL, True, "", True, ""),
        (BY_TERMINAL, False, "anna", False, ""),
        (BY_COMMAND, False, "", False, "by command"),
        (BY_COMMAND, False, "anna", False, "by command"),
        (BY_COMMAND, False, "", True, ""),
        (BOTH, False, "", True, "on a terminal"),
        (BOTH, False, "anna", False, "by command"),
        (BOTH, True, "", True, ""),
    ],
)
def test_where_an_approval_has_to_be_given(
    requirement: ApprovalRequirement, on_terminal: bool, signer: str, by_command: bool, reason: str
) -> None:
    approved = replace(given_answer("approved"), on_terminal=on_terminal, signer=signer, by_command=by_command)
    made = decide(NOW, approved, requirement)
    assert (made.outcome, made.reason) == (ApprovalOutcome.HELD if reason else ApprovalOutcome.APPROVED, reason)
    rejected = replace(approved, answer="rejected")
    assert decide(NOW, rejected, requirement).outcome is ApprovalOutcome.REJECTED


@pytest.mark.parametrize(
    ("written", "outcome"),
    [
        ({}, ApprovalOutcome.NONE),
        ({"choose": "b"}, ApprovalOutcome.APPROVED),
        ({"choose": "b", "answer": "approved"}, ApprovalOutcome.APPROVED),
        ({"choose": "c"}, ApprovalOutcome.HELD),
        ({"choose": "B"}, ApprovalOutcome.HELD),
        ({"answer": "approved"}, ApprovalOutcome.HELD),
        ({"answer": "rejected"}, ApprovalOutcome.REJECTED),
        ({"answer": "changes"}, ApprovalOutcome.CHANGES),
        ({"choose": "b", "answer": "rejected"}, ApprovalOutcome.HELD),
        ({"choose": "b", "pulled": True}, ApprovalOutcome.HELD),
        ({"choose": "b", "held_reason": "look-alike letters"}, ApprovalOutcome.HELD),
        ({"choose": "b", "request": "older"}, ApprovalOutcome.VOID),
    ],
)
def test_a_choice_counts_like_an_approval(written: dict[str, Any], outcome: ApprovalOutcome) -> None:
    answer = SubmittedAnswer(**{"answer": "pending", "request": "r", **written})
    assert decide_choice("r", answer, ("a", "b")).outcome is outcome


def test_a_choice_is_given_where_an_approval_has_to_be() -> None:
    answer = SubmittedAnswer(answer="pending", request="r", choose="a")
    by_command = ApprovalRequirement(command_reason="by command")
    assert decide_choice("r", answer, ("a",), by_command).outcome is ApprovalOutcome.HELD
