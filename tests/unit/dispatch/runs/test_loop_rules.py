"""After a round of a loop: the table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.model import Loop
from coworkd.dispatch.runs.loop_rules import EndLoop, NextRound, Round, VerifyRound, after_round

LOOP = Loop(promise="DONE", max_iterations=5, give_up="STUCK")


def one(
    number: int, *, promised: bool = False, changed: bool = True, tree: str = "", failure: str = "", stuck: bool = False
) -> Round:
    return Round(
        number=number, promised=promised, given_up=stuck, changed=changed, tree=tree or f"t{number}", failure=failure
    )


@pytest.mark.parametrize(
    ("rounds", "decision"),
    [
        ([one(1, promised=True)], VerifyRound()),
        ([one(5, promised=True)], VerifyRound()),
        ([one(1)], NextRound(number=2, reason="`DONE` was not said")),
        ([one(1, promised=True, changed=False)], NextRound(number=2, reason="`DONE` was said, but no file differs from the start")),
        ([one(1, promised=True, failure="red: test_a")], NextRound(number=2, reason="red: test_a")),
        ([one(3, failure="exit 1")], NextRound(number=4, reason="exit 1")),
        ([one(2, stuck=True)], EndLoop(reason="given up: its agent said `STUCK` in round 2")),
        ([one(2, stuck=True, failure="exit 1")], EndLoop(reason="given up: its agent said `STUCK` in round 2")),
        ([one(1, stuck=False), one(2)], NextRound(number=3, reason="`DONE` was not said")),
        ([one(5)], EndLoop(reason="not done after 5 rounds (`max_iterations`); `DONE` was not said")),
        ([one(5, promised=True, failure="red")], EndLoop(reason="not done after 5 rounds (`max_iterations`); red")),
        ([one(n, tree="same") for n in (1, 2)], NextRound(number=3, reason="`DONE` was not said")),
        ([one(n, tree="same") for n in (1, 2, 3)], EndLoop(reason="no progress: the same files and the same failure 3 times; `DONE` was not said")),
        ([one(1, tree="same"), one(2, tree="other"), one(3, tree="same")], NextRound(number=4, reason="`DONE` was not said")),
        ([one(n, tree="same", failure=f"1 failed in 0.{n}s") for n in (1, 2, 3)], EndLoop(reason="no progress: the same files and the same failure 3 times; 1 failed in 0.3s")),
        ([one(1, tree="same", failure="a"), one(2, tree="same", failure="b"), one(3, tree="same", failure="b")], NextRound(number=4, reason="b")),
        ([*[one(n, tree="same") for n in (1, 2)], one(3, tree="same", promised=True)], VerifyRound()),
    ],
)  # fmt: skip
def test_what_follows(rounds: list[Round], decision: NextRound | VerifyRound | EndLoop) -> None:
    assert after_round(LOOP, rounds) == decision


@pytest.mark.parametrize(
    ("reply", "promised", "given_up"),
    [("", False, False), ("all DONE", True, False), ("STUCK", False, True), ("DONE or STUCK?", False, True)],
)
def test_giving_up_beside_the_promise_is_giving_up(reply: str, promised: bool, given_up: bool) -> None:
    assert (LOOP.is_promised(reply), LOOP.is_given_up(reply)) == (promised, given_up)


ROUND = st.builds(
    Round, number=st.just(1), promised=st.booleans(), changed=st.booleans(), tree=st.sampled_from("ab"),
    failure=st.sampled_from(["", "x", "y"]),
)  # fmt: skip


@given(limit=st.integers(1, 9), outcomes=st.lists(ROUND, min_size=1, max_size=20))
def test_a_loop_ends_and_only_a_proof_ends_it_well(limit: int, outcomes: list[Round]) -> None:
    rounds = list[Round]()
    for outcome in outcomes:
        rounds.append(Round(number=len(rounds) + 1, promised=outcome.promised, changed=outcome.changed,
                            tree=outcome.tree, failure=outcome.failure))  # fmt: skip
        decision = after_round(Loop(promise="DONE", max_iterations=limit), rounds)
        if isinstance(decision, VerifyRound):
            assert outcome.promised
            assert outcome.changed
            assert not outcome.failure
        if not isinstance(decision, NextRound):
            break
        assert decision.number == len(rounds) + 1
        assert decision.reason
    assert len(rounds) <= limit
