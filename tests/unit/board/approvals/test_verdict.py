from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.board.approvals.verdict import Demand, Given, Ruling, verdict
from coworkd.core.model import Answer

NOW, BEFORE = "4f1c", "9e20"


def given_answer(answer: str, request: str = NOW, *, pulled: bool = False) -> Given:
    return Given(answer=answer, written=answer, request=request, pulled=pulled)


@pytest.mark.parametrize(
    ("answer", "request_id", "pulled", "ruling"),
    [
        ("pending", NOW, False, Ruling.NONE),
        ("pending", BEFORE, True, Ruling.NONE),
        ("approved", NOW, False, Ruling.APPROVED),
        ("approved", BEFORE, False, Ruling.VOID),
        ("approved", "", False, Ruling.VOID),
        ("approved", NOW, True, Ruling.HELD),
        ("approved", BEFORE, True, Ruling.HELD),
        ("changes", NOW, False, Ruling.CHANGES),
        ("changes", BEFORE, False, Ruling.VOID),
        ("changes", NOW, True, Ruling.HELD),
        ("rejected", NOW, False, Ruling.REJECTED),
        ("rejected", BEFORE, False, Ruling.REJECTED),
        ("rejected", NOW, True, Ruling.REJECTED),
        ("held", NOW, False, Ruling.HELD),
        ("held", BEFORE, True, Ruling.HELD),
    ],
)
def test_what_an_answer_means(answer: str, request_id: str, pulled: bool, ruling: Ruling) -> None:
    made = verdict(NOW, given_answer(answer, request_id, pulled=pulled))
    assert made.ruling is ruling
    assert bool(made.reason) == (ruling in (Ruling.VOID, Ruling.HELD)), "whatever does not count says why"


@given(answer=st.text() | st.sampled_from(list(Answer)), request=st.text(), pulled=st.booleans())
def test_a_yes_takes_the_exact_word_the_open_request_and_this_machine(answer: str, request: str, pulled: bool) -> None:
    made = verdict(NOW, given_answer(answer, request, pulled=pulled))
    if made.ruling is Ruling.APPROVED:
        assert (answer, request, pulled) == ("approved", NOW, False)


def test_the_odd_word_is_quoted() -> None:
    assert "`Approved`" in verdict(NOW, Given(answer="held", written="Approved")).reason


BY_TERMINAL, BY_COMMAND = Demand(terminal_reason="on a terminal"), Demand(command_reason="by command")
BOTH = Demand(terminal_reason="on a terminal", command_reason="by command")


@pytest.mark.parametrize(
    ("demand", "tty", "signer", "by_command", "reason"),
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
    demand: Demand, tty: bool, signer: str, by_command: bool, reason: str
) -> None:
    approved = replace(given_answer("approved"), tty=tty, signer=signer, by_command=by_command)
    made = verdict(NOW, approved, demand)
    assert (made.ruling, made.reason) == (Ruling.HELD if reason else Ruling.APPROVED, reason)
    rejected = replace(approved, answer="rejected")
    assert verdict(NOW, rejected, demand).ruling is Ruling.REJECTED
