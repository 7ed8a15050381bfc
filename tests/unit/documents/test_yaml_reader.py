"""The quick reader of simple headers says what libyaml's events say, or nothing."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coworkd.core.errors import DocumentError
from coworkd.documents.yaml_reader import HeaderEntry, entries, full_entries, simple_entries

keys = st.sampled_from(["title", "status", "labels", "depends_on", "null", "y", "x1"])
anything = st.text(st.sampled_from(string.printable + "\u00e9\u0085\u2028\ufeff"), max_size=12)
nearly = st.text(st.sampled_from("ab1 :#,[]{}&*!|>'\"%@`-?.~=/\\_nul"), max_size=10)
words = st.lists(st.sampled_from(["a", "b-c", "1.10", "no", "null", "x/y", "a b", "", "-", "c:", "#", "?"]), max_size=4)
values = st.one_of(
    anything, nearly, words.map(lambda found: f"[{', '.join(found)}]"), words.map(lambda found: f"[{','.join(found)}]"),
    st.sampled_from(["ready", "To Do", "it's (12.5%) done!", "null", "NULL", "~", "a: b", "a #b", "a#b", "x:"]),
)  # fmt: skip
lines = st.one_of(st.tuples(keys, values).map(lambda pair: f"{pair[0]}: {pair[1]}"), anything)


@settings(max_examples=1000, deadline=None)
@given(st.lists(lines, max_size=4).map("\n".join), st.sampled_from(["", "\n"]))
def test_what_the_quick_reader_reads_the_full_one_reads_alike(text: str, end: str) -> None:
    quick = simple_entries(text + end, 2)
    if quick is not None:
        assert quick == full_entries(text + end, 2)


@pytest.mark.parametrize(
    "text",
    [
        "a: b\na: c\n", "a: b \n", "a: b: c\n", "a: b #c\n", "a: [b, c\n", "a: [b c]\n", "a: [b,c]\n", "a: 'b'\n",
        "a:\n", "", "a: b\r\n", "a: b\n  c\n", "a: \u00e9\n", "- a\n", "a: [b, ]\n", "a: b\n\n", "a: b\u2028c\n",
    ],
)  # fmt: skip
def test_what_is_not_simple_is_left_to_the_full_reader(text: str) -> None:
    assert simple_entries(text, 2) is None


def test_most_headers_are_simple() -> None:
    text = "title: Fix the (old) page, it's slow!\nstatus: ready\nlabels: [ui, a/b]\ndepends_on: []\nagent: null\n"
    read = simple_entries(text, 2)
    assert read == entries(text, 2) == full_entries(text, 2)
    assert read is not None
    assert read[0] == HeaderEntry("title", "Fix the (old) page, it's slow!", 2)
    assert [entry.value for entry in read[2:]] == [["ui", "a/b"], [], None]


def test_a_refusal_is_the_full_readers() -> None:
    with pytest.raises(DocumentError, match="twice"):
        entries("a: b\na: c\n", 2)
