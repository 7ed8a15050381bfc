"""What programs print for a terminal, as text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.terminal_text import plain_text, visible_line


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("plain\ttext\nand more\n", "plain\ttext\nand more\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[1;38;5;12mblue\x1b[m!", "blue!"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]0;title\x1b\\text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;never ends\nnext", "\nnext"),
        ("\x1bPq#0;2;0\x1b\\image", "image"),
        ("\x1b(Btext\x1b=\x1b7", "text"),
        ("\x9b31mC1 red", "C1 red"),
        ("cut off \x1b[3", "cut off "),
        ("cut off \x1b", "cut off "),
        ("bell\x07", "bell"),
        ("ab\x08\x08cd", "cd"),
        ("N\x08NA\x08A", "NA"),
        ("1%\r 50%\r 99%\n", " 99%\n"),
        ("1%\r 99%\r\n", " 99%\r\n"),
        ("1%\r\x1b[K99%", "99%"),
        ("done   \r", "done   \r"),
        ("loading\r       \r", "loading\r"),
        ("one\r\ntwo\r\n", "one\r\ntwo\r\n"),
        ("one\r\r\ntwo", "one\r\ntwo"),
        ("日本語 \u2014 äöü 👩\u200d💻", "日本語 \u2014 äöü 👩\u200d💻"),
        ("", ""),
    ],
)
def test_what_remains(printed: str, read: str) -> None:
    assert plain_text(printed) == read


PIECES = st.lists(
    st.sampled_from(["\x1b", "[", "]", "31", "m", "\x07", "\\", "\r", "\n", "\x08", "\x9b", "P", "x", "\x85", " "])
    | st.text(max_size=3)
)


@given(PIECES.map("".join))
def test_nothing_remains_that_a_terminal_obeys(printed: str) -> None:
    read = plain_text(printed)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", read)
    assert not re.search("\r(?!\n|\\Z)", read)
    assert plain_text(read) == read


def test_a_long_text_takes_no_longer_than_it_is_long() -> None:
    assert plain_text("\x1b]" * 200_000 + "\x1bP" * 200_000 + "x" * 50_000 + "\x08" * 50_000 + "end").endswith("end")


def test_untrusted_text_on_a_line() -> None:
    assert visible_line("a\x1b[31m\nb\tc") == "a<U+001B>[31m<U+000A>b<U+0009>c"
