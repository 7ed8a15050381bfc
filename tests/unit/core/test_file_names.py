"""Derived names fit wherever the name that they are derived from does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.file_names import bounded_name, temporary_name


@pytest.mark.parametrize(
    ("name", "most", "bounded"),
    [
        ("a.md", 10, "a.md"),
        ("abcdef", 3, "abc"),
        ("測測測", 7, "測測"),
        ("測測測", 9, "測測測"),
        ("x\udcffy", 2, "x\udcff"),
        ("\U0001f600", 3, ""),
    ],
)
def test_cut_at_whole_characters(name: str, most: int, bounded: str) -> None:
    assert bounded_name(name, most) == bounded


@given(st.text(max_size=255))
def test_a_temporary_name_fits_and_is_hidden(name: str) -> None:
    clean = name.encode("utf-8", "ignore").decode()
    temporary = temporary_name(clean, "0123abcd")
    assert len(temporary.encode()) <= 255 - len("1700000000000-") - len("-")
    assert temporary.startswith(".")
    assert temporary.endswith(".0123abcd~")
