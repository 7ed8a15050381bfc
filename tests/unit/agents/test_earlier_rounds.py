"""What the rounds of a loop hand on: bounded, newest first, quoted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coworkd.agents.prompt.earlier_rounds import (
    MAX_CONTINUE_REASON,
    MAX_REPLY,
    MAX_ROUNDS,
    EarlierRound,
    earlier_rounds_text,
)

TEXT = st.text(st.sampled_from("ab\n# {}>`"), max_size=60)


def a_round(number: int, lacking: str = "red", reply: str = "said") -> EarlierRound:
    return EarlierRound(number=number, continue_reason=lacking, reply=reply)


def test_a_first_round_is_told_of_none() -> None:
    assert not earlier_rounds_text(())


def test_a_round_whose_agent_said_nothing_is_told_of_by_its_failure() -> None:
    text = earlier_rounds_text([a_round(1, "exit 2", "  \n")])
    assert "> exit 2" in text
    assert "said at its end" not in text


def test_of_long_texts_the_end_is_handed_on_from_the_beginning_of_a_line() -> None:
    lines = "\n".join(f"line {number} of the output" for number in range(1000))
    text = earlier_rounds_text([a_round(1, lines, lines)])
    assert text.count("> [...]\n> line ") == 2
    assert text.count("> line 999 of the output") == 2


def test_a_long_loop_hands_on_no_more_than_a_short_one() -> None:
    long = "x" * 100_000
    text = earlier_rounds_text([a_round(number, long, long) for number in range(1, 200)])
    numbers = [int(line.removeprefix("### Round ")) for line in text.splitlines() if line.startswith("### Round ")]
    assert numbers == list(range(199, 199 - MAX_ROUNDS, -1))
    assert len(text) < 2 * (MAX_CONTINUE_REASON + MAX_REPLY) + 2000


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4))
def test_no_line_of_an_agent_stands_unquoted(told: list[tuple[str, str]]) -> None:
    rounds = [a_round(number, *texts) for number, texts in enumerate(told, 1)]
    own = set(earlier_rounds_text([a_round(n, "", "z") for n in range(1, 5)]).splitlines())
    assert all(line.startswith(">") or line in own for line in earlier_rounds_text(rounds).splitlines())
