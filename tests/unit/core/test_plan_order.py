from __future__ import annotations

import pytest

from coworkd.core.plan_order import order_text, parse_order, sort_key


def test_places_are_compared_part_by_part() -> None:
    written = ["2.10", "3", "2", "2.2", "2.1", "10"]
    orders = sorted((parse_order(text) or () for text in written), key=sort_key)
    assert [order_text(order) for order in orders] == ["2", "2.1", "2.2", "2.10", "3", "10"]


def test_what_has_no_place_comes_last() -> None:
    assert sorted([(), (2,), (1, 5)], key=sort_key) == [(1, 5), (2,), ()]


@pytest.mark.parametrize("text", ["", "a", "1.", ".1", "1..2", "-1", "1.x", "1234567", "1.1.1.1.1.1.1"])
def test_what_is_no_place(text: str) -> None:
    assert parse_order(text) is None
