from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.terminal_text import visible
from coworkd.documents.lookalikes import lookalike_reason, lookalike_text_reason
from coworkd.documents.markdown import compose, parse


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("approval: approved", ""),
        ("approval: approved\ncomment: |\n  Gut so.\n  And\ttabs.", ""),
        ("approval: approved\ncomment: می\u200cخواهم und 👩\u200d💻", ""),
        ("approval: approved\nmine: {a: [b, c]}", ""),
        ("\u0430pproval: approved\napproval: pending", "line 2: the key <U+0430>pproval"),
        ("approval: approved\ncomment: fine\u200b", "line 3: `comment` holds an invisible character (<U+200B>)"),
        ('approval: approved\ncomment: "\\u202Eno"', "turns the direction"),
        ('approval: approved\ncomment: "\\e[2J"', "control character (<U+001B>)"),
        ('approval: approved\nmine: [{a: "x\\u2066"}]', "turns the direction"),
        ('approval: pending\ncowork: {request: q, arguments: "\\u202E"}', ""),
    ],
)
def test_what_is_odd_about_a_decision(lines: str, why: str) -> None:
    found = lookalike_reason(parse(f"---\n{lines}\n---\nbody \u202e\n".encode()))
    assert (why in found) if why else not found


@given(st.text())
def test_what_is_made_visible_hides_nothing(text: str) -> None:
    assert lookalike_text_reason(visible(text)) == ""
    assert visible(visible(text)) == visible(text)


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs"])))
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


@given(st.text())
def test_whatever_is_composed_visibly_is_not_odd(text: str) -> None:
    assert (
        lookalike_reason(parse(compose({"approval": "pending", "comment": visible(text) or "x"}, "", note="n"))) == ""
    )
