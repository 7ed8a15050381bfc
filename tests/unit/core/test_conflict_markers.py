from __future__ import annotations

import pytest

from coworkd.core.conflict_markers import marker_lines


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a\n<<<<<<< HEAD\nb\n||||||| base\nc\n=======\nd\n>>>>>>> tip\ne\n", [2, 4, 6, 8]),
        (b"<<<<<<<\r\na\r\n=======\r\nb\r\n>>>>>>>\r\n", [1, 3, 5]),
        (b"a\n>>>>>>> tip\n", [2]),  # the last marker was forgotten
        (b"Heading\n=======\n\ntext\n", []),
        (b"<<<<<<<< eight\n >>>>>>> indented\n>>>>>>>x\n", []),
        (b"\0<<<<<<< HEAD\n\xff\n", []),
    ],
)
def test_lines_that_mark_a_conflict(content: bytes, lines: list[int]) -> None:
    assert marker_lines(content) == lines
