from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coworkd.dispatch.patterns.jury import Preferences, agreed, preferences, winners

KEYS = ("p", "q", "r", "s")
RANKS = st.permutations(KEYS)
JURIES = st.lists(st.tuples(RANKS, RANKS).map(lambda two: agreed(*two)), max_size=4)


@given(order=st.permutations(KEYS))
def test_a_juror_that_ranks_by_place_counts_for_no_pair(order: list[str]) -> None:
    assert agreed(order, order[::-1]) == frozenset()


@given(rank=RANKS)
def test_a_juror_that_ranks_the_same_in_both_orders_counts_for_every_pair(rank: list[str]) -> None:
    assert agreed(rank, rank) == preferences(rank)
    assert winners(KEYS, [agreed(rank, rank)]) == (rank[0],)


def test_a_ballot_that_is_missing_leaves_no_pair() -> None:
    assert agreed(KEYS, ()) == frozenset()


@given(jurors=JURIES, order=st.permutations(KEYS))
def test_the_order_of_candidates_and_jurors_changes_nothing(jurors: list[Preferences], order: list[str]) -> None:
    assert set(winners(order, jurors)) == set(winners(KEYS, jurors[::-1]))


@given(jurors=JURIES, names=st.permutations(KEYS))
def test_the_letters_change_nothing(jurors: list[Preferences], names: list[str]) -> None:
    renamed: dict[str, str] = dict(zip(KEYS, names, strict=True))
    other = [frozenset((renamed[better], renamed[worse]) for better, worse in juror) for juror in jurors]
    assert set(winners(KEYS, other)) == {renamed[key] for key in winners(KEYS, jurors)}


@given(jurors=JURIES)
def test_who_wins_every_pair_wins(jurors: list[Preferences]) -> None:
    def beats(one: str, other: str) -> bool:
        return sum(((one, other) in each) - ((other, one) in each) for each in jurors) > 0

    best = [one for one in KEYS if all(beats(one, other) for other in KEYS if other != one)]
    if best:
        assert winners(KEYS, jurors) == tuple(best)


def test_pairs_come_before_margins_and_ties_count_half() -> None:
    jurors = [preferences("pqr"), preferences("prq"), preferences("qpr")]
    assert winners("pqr", jurors) == ("p",)
    circle = [preferences("pqr"), preferences("qrp"), preferences("rpq")]
    assert set(winners("pqr", circle)) == {"p", "q", "r"}
    assert winners("pqr", [*circle, frozenset({("q", "r")})]) == ("q",)
    assert winners("pqr", []) == ("p", "q", "r")
