from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.text_formats import (
    format_age,
    format_duration,
    format_usd,
    last_line,
    shorten,
    shorten_middle,
    shorten_start,
)


@given(text=st.text(), most=st.integers(1, 50))
def test_a_text_is_whole_or_ends_where_it_was_cut(text: str, most: int) -> None:
    assert len(shorten(text, most)) == min(len(text), most)
    assert len(shorten_middle(text, most)) == min(len(text), most)
    assert len(shorten_start(text, most)) == min(len(text), most)
    assert text.startswith(shorten(text, most).removesuffix("…"))
    assert text.endswith(shorten_start(text, most).removeprefix("…"))


def test_a_name_keeps_its_end() -> None:
    assert shorten_middle("src/very/long/path.py", 12) == "src/ver…h.py"


@pytest.mark.parametrize(
    ("text", "line"), [("", ""), ("\n \n", ""), ("one\n  two \n\n", "two"), ("one\na long line\n", "a lo…")]
)
def test_the_last_line_that_says_something(text: str, line: str) -> None:
    assert last_line(text, 5) == line


@pytest.mark.parametrize(
    ("usd", "estimated", "text"),
    [(0.0, False, "$0.00"), (0.0042, False, "$0.0042"), (0.01, True, "~$0.01"), (12.346, False, "$12.35")],
)
def test_money(usd: float, estimated: bool, text: str) -> None:
    assert format_usd(usd, estimated=estimated) == text


@pytest.mark.parametrize(
    ("seconds", "text", "age"),
    [(-1, "0 s", "0s"), (59, "59 s", "59s"), (60, "1 min", "1m"), (7199, "1 h", "1h"), (200000, "2 d", "2d")],
)
def test_a_length_of_time(seconds: float, text: str, age: str) -> None:
    assert (format_duration(seconds), format_age(seconds)) == (text, age)
