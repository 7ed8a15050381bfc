"""Which fences stand at the top level: the same as a CommonMark parser sees, or none is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from coworkd.core.errors import DocumentError
from coworkd.documents.top_level_fences import top_level_fences

PARTS = [
    "```", "````", "~~~", "```verdict", "~~~verdict", "```py", "`", "a", "x: y", "- ", "* ", "1. ", "7. ", "10) ", "-",
    "-     ", "1.\t", "> ", "<!--", "-->", "<div>", "<pre>", "</pre>", "<a>", "<br>x", "<?", "?>", "<!X", ">",
    "<![CDATA[", " ", "  ", "   ", "    ", "\t", "#", "---", "* * *", "[a]: b", '"', "=",
]  # fmt: skip
LINES = st.lists(st.sampled_from(PARTS), max_size=4).map("".join)


def as_commonmark(text: str) -> list[tuple[int, str, list[str]]] | None:
    """Line, info and words of every fence at the top level; None where that parser itself fails."""
    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])
    try:
        tokens = parser.parse(text)
    except IndexError:
        return None
    return [
        (t.map[0] + 1, t.info.strip(), t.content.split()) for t in tokens if t.type == "fence" and t.map and not t.level
    ]


@given(st.lists(LINES, max_size=9).map("\n".join))
def test_what_is_found_is_what_a_parser_of_commonmark_finds(text: str) -> None:
    try:
        found = [(fence.line, fence.info, fence.text.split()) for fence in top_level_fences(text)]
    except DocumentError:
        return
    assert as_commonmark(text) in (None, found)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("```a\n```", [1]),
        ("   ~~~ a\nx\n   ~~~~", [1]),
        ("text\n```a\n```\ntext\n\n```b\n```\n", [2, 6]),
        ("```a\r\nx\r\n```\r\n", [1]),
        ("````a\n```\n`````  \n```b\n```", [1, 4]),
        ("```a\n    ```\n```\n```b\n```", [1, 4]),
        ("1. see:\n   ```sh\n   ls\n   ```\n\n```a\n```", [6]),
        ("- see:\n  ```sh\n  ls\n```a\n```", [4]),
        ("````md\n```a\n```\n````", [1]),
        ("> ```a\n> ```\n", []),
        ("    ```a\n    ```\n", []),
        ("- ```a\n  ```\n", []),
        ("``` `a`\n", []),
        ("<!-- note -->\n```a\n```", [2]),
    ],
)
def test_where_fences_stand(text: str, lines: list[int]) -> None:
    assert [fence.line for fence in top_level_fences(text)] == lines


@pytest.mark.parametrize(
    "text", ["<!--\n```a\n```\n-->", "<pre>\n\n```a\n```", "<div>\n```a\n```", "text\n7. b\n   ```a\n   ```"]
)
def test_what_may_be_part_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        top_level_fences(text)


def test_a_fence_that_does_not_end_is_not_closed() -> None:
    assert [fence.closed for fence in top_level_fences("```a\nx")] == [False]


def test_indentation_of_the_opening_marks_is_taken_off() -> None:
    (fence,) = top_level_fences("  ```a\n  x:\n    y\n z\n  ```")
    assert fence.text == "x:\n  y\nz\n"
