"""Conflict hunks: everything that both sides wrote is in the result, decided where it can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.sync.merging.conflict_markers import Markers, merge_visibly
from coworkd.sync.merging.three_way import join_lines, merge_text, split_lines

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "d\u2028d\n"]), max_size=6)
TEXTS = st.builds(
    lambda lines, ended: "".join(lines) if ended else "".join(lines).removesuffix("\n"), LINES, st.booleans()
)


@pytest.mark.parametrize(
    ("ours", "base", "theirs", "merged"),
    [
        ("A\nb\nc\n", "a\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n"),
        ("A\nb\n", "a\nb\n", "B\nb\n", "<<<<<<< ours\nA\n=======\nB\n>>>>>>> theirs\nb\n"),
        ("A\n", "a\n", "A\n", "A\n"),
        ("", "a\n", "b\n", "<<<<<<< ours\n=======\nb\n>>>>>>> theirs\n"),
        ("a\nx", "a\n", "a\ny", "a\n<<<<<<< ours\nx\n=======\ny\n>>>>>>> theirs\n"),
        ("a\ny", "a\nx\n", "a\nx\nz\n", "a\ny\nz\n"),
        ("1\nx\n3\n", "1\n2\n3\n", "1\n3\n", "1\n<<<<<<< ours\nx\n=======\n>>>>>>> theirs\n3\n"),
    ],
)
def test_merges_what_is_clear_and_marks_the_rest(ours: str, base: str, theirs: str, merged: str) -> None:
    assert merge_visibly(ours, base, theirs, Markers()) == merged


def test_markers_have_the_asked_length_and_names() -> None:
    marked = merge_visibly("A\n", "a\n", "B\n", Markers(size=9, ours="HEAD", theirs="topic"))
    assert marked == "<<<<<<<<< HEAD\nA\n=========\nB\n>>>>>>>>> topic\n"


@given(TEXTS, TEXTS, TEXTS)
def test_agrees_with_sync_wherever_sync_decides(ours: str, base: str, theirs: str) -> None:
    decided = merge_text(ours, base, theirs)
    if decided is not None:
        assert merge_visibly(ours, base, theirs, Markers()) == decided


@given(TEXTS, TEXTS)
def test_one_changed_side_is_taken(base: str, changed: str) -> None:
    assert merge_visibly(changed, base, base, Markers()) == changed
    assert merge_visibly(base, base, changed, Markers()) == changed


@given(st.text(alphabet="ab\n\r\x0b\u2028"))
def test_lines_are_those_of_an_editor(text: str) -> None:
    assert join_lines(split_lines(text)) == text
    assert len(split_lines(text)) == text.count("\n") + (bool(text) and not text.endswith("\n"))
