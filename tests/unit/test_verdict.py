from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.board.verdict import Given, Ruling, verdict
from coworkd.model import Answer

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
