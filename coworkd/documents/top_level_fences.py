"""The fenced blocks that stand at the top level of a Markdown text, as CommonMark reads it.

Pure, and linear in the length of the text. Fences within lists, quotations, comments and other fences are none of them.
Where a list or HTML may or may not hold a fence, the text is refused: a block that an agent only quoted must never be
read as its own. It must never guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from coworkd.core.errors import DocumentError

_FENCE = re.compile(r" {0,3}(?P<marks>`{3,}|~{3,})(?P<info>.*)")
_MARKER = re.compile(r" {0,3}(?P<mark>[-*+]|[0-9]{1,9}[.)])(?P<gap>[ \t]*)(?P<rest>.*)")
_RULE = re.compile(r" {0,3}(?P<mark>[-*])[ \t]*(?:(?P=mark)[ \t]*){2,}")
_HTML = re.compile(r" {0,3}<(?P<name>[A-Za-z][A-Za-z0-9-]*|/|\?|!--|!\[CDATA\[|!)")
_RAW_END = re.compile(r"</(?:script|pre|style|textarea)>", re.IGNORECASE)
_HTML_ENDS = {"?": re.compile(r"\?>"), "!--": re.compile("-->"), "![CDATA[": re.compile(r"\]\]>"), "!": re.compile(">")}
"""What ends HTML that goes on beyond blank lines; all other HTML ends at a blank line."""
_RAW = frozenset({"script", "pre", "style", "textarea"})
_BLANK = re.compile(r"^[ \t]*$")
_NEVER = re.compile("(?!)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """One block."""

    line: int
    """1-based, of its opening marks."""
    info: str
    """What stands behind the opening marks, without white space around it."""
    text: str
    closed: bool
    """False: the text ends before it does."""


@dataclass(slots=True)
class _ListItem:
    """A list item that may still be open."""

    indent: int
    """Lines with so many spaces, or more, belong to it."""
    certain: bool
    """Whether CommonMark sees a list here, beyond doubt."""


def top_level_fences(text: str) -> tuple[Fence, ...]:
    """All of them, in order. Raises DocumentError, with the line, where it is unclear what a fence belongs to."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    return tuple(_Scan(lines).fences())


class _Scan:
    """One pass over the lines outside of fences."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._item: _ListItem | None = None
        self._html_end: re.Pattern[str] | None = None
        """What ends the HTML in which the present line stands; None: it stands in none."""
        self._after_blank = True

    def fences(self) -> Iterator[Fence]:
        number = 0
        while number < len(self._lines):
            line = self._lines[number]
            opening = _opening(line)
            if opening and not self._is_nested(line, number):
                fence, number = self._read(number, opening)
                self._item, self._after_blank = None, False
                yield fence
                continue
            if opening is None:
                self._pass_over(line, number)
            number += 1

    def _is_nested(self, line: str, number: int) -> bool:
        """Whether a line that opens a fence stands within a list item."""
        if self._html_end is not None:
            raise DocumentError("a fence follows HTML directly; leave a blank line between them", line=number + 1)
        if self._item is None or _indent(line) < self._item.indent:
            return False
        if not self._item.certain:
            raise _unclear(number)
        self._after_blank = False
        return True

    def _read(self, start: int, opening: re.Match[str]) -> tuple[Fence, int]:
        """The fence that opens at this line, and the number of the line behind it."""
        marks, indent = opening["marks"], _indent(opening[0])
        text: list[str] = []
        end = start + 1
        while end < len(self._lines) and not _closes(self._lines[end], marks):
            line = self._lines[end]
            text.append(line[min(indent, len(line) - len(line.lstrip(" "))) :])
            end += 1
        closed = end < len(self._lines)
        body = "".join(f"{line}\n" for line in text)
        return Fence(line=start + 1, info=opening["info"].strip(), text=body, closed=closed), end + closed

    def _pass_over(self, line: str, number: int) -> None:
        """Take note of what a line that opens no fence begins or ends."""
        blank = _BLANK.match(line) is not None
        if self._html_end is not None:
            marker = _list_marker(line) if self._html_end is _BLANK else None
            self._item = _ListItem(indent=1, certain=False) if marker else self._item
            self._html_end = _end_after(self._html_end, line)
        elif not blank:
            self._begin(line, number)
        self._after_blank = blank

    def _begin(self, line: str, number: int) -> None:
        item = self._item
        if item is not None and _indent(line) >= item.indent:
            if not item.certain and _HTML.match(line):
                raise _unclear(number)
            return
        if marker := _list_marker(line):
            self._item = self._opened_item(marker)
            return
        if item is not None:
            # A line directly below a paragraph of the item may go on with it, and so with the item.
            self._item = None if self._after_blank else _ListItem(indent=item.indent, certain=False)
        if html := _HTML.match(line):
            self._html_end = _end_of_html(html, line)

    def _opened_item(self, marker: re.Match[str]) -> _ListItem:
        """The item that a marker opens; not every marker below a paragraph does."""
        gap = len(marker["gap"].expandtabs(4)) or 1
        width = len(marker[0]) - len(marker["gap"]) - len(marker["rest"])
        numbered = marker["mark"][:-1]
        interrupts = self._after_blank or not numbered or numbered == "1"
        certain = interrupts and bool(marker["rest"]) and "\t" not in marker["gap"]
        before = self._item.indent if self._item and not self._after_blank else width + 1
        indent = width + (gap if gap <= 4 and marker["rest"] else 1)
        return _ListItem(indent=indent if certain else min(indent, before, width + 1), certain=certain)


def _opening(line: str) -> re.Match[str] | None:
    """The marks that open a fence, wherever the line stands."""
    found = _FENCE.fullmatch(line)
    return None if found and found["marks"][0] == "`" and "`" in found["info"] else found


def _closes(line: str, marks: str) -> bool:
    """Whether a line ends the fence that these marks have opened."""
    bare = line.strip(" \t")
    return len(bare) >= len(marks) and not bare.strip(marks[0]) and _indent(line) <= 3


def _list_marker(line: str) -> re.Match[str] | None:
    found = _MARKER.fullmatch(line)
    if found is None or _RULE.fullmatch(line) or (found["rest"] and not found["gap"]):
        return None
    return found


def _end_of_html(html: re.Match[str], line: str) -> re.Pattern[str] | None:
    """What ends the HTML that begins on this line; None: it ends there, too."""
    name = html["name"].lower()
    end = _RAW_END if name in _RAW else _HTML_ENDS.get(html["name"], _BLANK)
    return None if end.search(line) else end


def _end_after(end: re.Pattern[str], line: str) -> re.Pattern[str] | None:
    """What ends the HTML in which this line stands, below it; None: it has ended.

    What looks like a tag may be a paragraph. Then HTML that goes on beyond blank lines may begin within it.
    """
    if end.search(line):
        return None
    inner = _HTML.match(line) if end is _BLANK else None
    return _NEVER if inner and _end_of_html(inner, line) not in (None, _BLANK) else end


def _indent(line: str) -> int:
    """Columns of white space at its beginning."""
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(4))


def _unclear(number: int) -> DocumentError:
    return DocumentError("it is unclear whether this belongs to the list above; leave a blank line", line=number + 1)
