"""The YAML of a header as values, and where each value stands.

Pure, and the only reader of YAML. It reads libyaml's events itself: no types are guessed, nothing is resolved, and a
header nested a thousand deep ends in an error, where composing nodes would exhaust the C stack. It must never write
YAML (`yaml_writer` does) and knows nothing of files, fences or bodies.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, TypeAlias, cast

from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.reader import ReaderError

from coworkd.core.errors import CoworkError, DocumentError
from coworkd.documents.yaml_errors import advice

try:
    from yaml._yaml import CParser
except ImportError:  # reported when the first header that needs it is read, so that `import` and `--help` still work
    CParser = None

MAX_DEPTH = 16
"""Maps and lists within each other, the header itself included. The deepest known field needs 4."""

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
"""Plain scalars that say nothing."""

Value: TypeAlias = "str | None | list[Value] | dict[str, Value]"
"""What a header can say. A plain `null`, `~` or nothing is None; the same in quotes is text."""


class HeaderEntry(NamedTuple):
    """One top-level key. A tuple, because ten thousand files hold a hundred thousand of them."""

    key: str
    """As written."""
    value: Value
    line: int
    """1-based, in the file."""


class Pair(NamedTuple):
    """A key of a map, by character offsets into the header."""

    key: str
    start: int
    end: int
    place: NodeSpan


class NodeSpan(NamedTuple):
    """Where a value stands, by character offsets into the header.

    A block list or map ends with its last value: comments and blank lines after it belong to no value. The end of a
    block scalar (`|`, `>`) is the start of the line after it and its blank lines.
    """

    start: int
    end: int
    style: str
    """`plain`, `quoted`, `text` (a block scalar), `flow`, `block`."""
    value: Value
    pairs: tuple[Pair, ...] = ()
    items: tuple[NodeSpan, ...] = ()


_SCALAR_STYLES = {"": "plain", "'": "quoted", '"': "quoted", "|": "text", ">": "text"}


def entries(text: str, first_line: int) -> tuple[HeaderEntry, ...]:
    """The top-level keys of a header whose first line is `first_line` of its file.

    Raises DocumentError for whatever is not one mapping with unique plain keys.
    """
    if (found := simple_entries(text, first_line)) is not None:
        return found
    return full_entries(text, first_line)


_SIMPLE = re.compile(
    r"(?P<key>[A-Za-z][A-Za-z0-9_]{0,60}): (?:(?P<words>[A-Za-z0-9](?:[ -\"$-9;-~]*[!-\"$-9;-~])?)"
    r"|\[(?P<listed>[A-Za-z0-9_./, -]*)\])"
)
"""Printable ASCII without `:` and `#`, which alone mean something behind the first letter."""
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*")


def simple_entries(text: str, first_line: int) -> tuple[HeaderEntry, ...] | None:
    """What `full_entries` says of a header in which each line is `key: words` or `key: [word, word]`.

    None for any other. Most headers are such, and reading one takes a quarter of the time.
    """
    found: list[HeaderEntry] = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), first_line):
        match = _SIMPLE.fullmatch(line)
        if match is None:
            return None
        key, words, listed = match.groups()
        value = _scalar_value(words) if words is not None else _split_items(listed)
        if value is _UNCLEAR:
            return None
        found.append(HeaderEntry(key, value, number))
    return tuple(found) if len({entry.key for entry in found}) == len(found) else None


_UNCLEAR: list[Value] = []


def _scalar_value(words: str) -> Value:
    return None if words in NULLS else words


def _split_items(items: str) -> Value:
    if not items:
        return []
    words = items.split(", ")
    return [_scalar_value(word) for word in words] if all(map(_WORD.fullmatch, words)) else _UNCLEAR


def full_entries(text: str, first_line: int) -> tuple[HeaderEntry, ...]:
    """`entries` for whatever YAML there is."""
    reader = _Reader(text, first_line)
    try:
        return reader.entries()
    except YAMLError as error:
        raise _reword_error(error, text, first_line) from error


def outline(text: str) -> NodeSpan | None:
    """Where everything stands in a header that `entries` accepts; None when it holds no key at all."""
    reader = _Reader(text, 1)
    try:
        return reader.outline()
    except YAMLError as error:
        raise _reword_error(error, text, 1) from error


class _Reader:
    """One pass over the events of a header."""

    __slots__ = ("_first_line", "_next", "_text")

    def __init__(self, text: str, first_line: int) -> None:
        if CParser is None:
            raise CoworkError("PyYAML was built without libyaml; install its binary wheel: pip install --force PyYAML")
        self._text = text
        self._first_line = first_line
        # None comes only behind the end of the stream, where nothing here asks.
        self._next = cast("Callable[[], Event]", CParser(text).get_event)

    def entries(self) -> tuple[HeaderEntry, ...]:
        found: list[HeaderEntry] = []
        if self._read_root() is not None:
            lines: dict[str, int] = {}
            while type(event := self._next()) is not MappingEndEvent:
                key = self._read_key(event, lines)
                found.append(HeaderEntry(key, self._read_value(self._next(), 2), lines[key]))
            self._read_end()
        return tuple(found)

    def outline(self) -> NodeSpan | None:
        root = self._read_root()
        return None if root is None else self._read_span(root)

    def _read_root(self) -> MappingStartEvent | None:
        self._next()
        if type(self._next()) is StreamEndEvent:
            return None
        event = self._next()
        if type(event) is ScalarEvent and not event.value and not event.style:
            return self._read_end()
        if type(event) is not MappingStartEvent:
            raise self._error(event, "the header is not made of `key: value` lines")
        if event.anchor or event.tag:
            raise self._marked_error(event)
        return event

    def _read_end(self) -> None:
        self._next()
        if type(event := self._next()) is not StreamEndEvent:
            raise self._error(event, "a second YAML document starts here; remove the `---`")

    def _read_value(self, event: Event, depth: int) -> Value:
        if type(event) is ScalarEvent:
            if event.anchor or event.tag:
                raise self._marked_error(event)
            return None if not event.style and event.value in NULLS else event.value
        if depth > MAX_DEPTH:
            raise self._error(event, f"maps and lists are nested deeper than {MAX_DEPTH}; flatten them")
        if type(event) is MappingStartEvent and not (event.anchor or event.tag):
            return self._read_map(depth)
        if type(event) is SequenceStartEvent and not (event.anchor or event.tag):
            return self._read_list(depth)
        raise self._marked_error(event)

    def _read_list(self, depth: int) -> list[Value]:
        found: list[Value] = []
        while type(event := self._next()) is not SequenceEndEvent:
            found.append(self._read_value(event, depth + 1))
        return found

    def _read_map(self, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        lines: dict[str, int] = {}
        while type(event := self._next()) is not MappingEndEvent:
            key = self._read_key(event, lines)
            found[key] = self._read_value(self._next(), depth + 1)
        return found

    def _read_key(self, event: Event, lines: dict[str, int]) -> str:
        if type(event) is not ScalarEvent:
            raise self._error(event, "a key has to be a word; put it in quotes if it starts with `[`, `{` or `*`")
        if event.anchor or event.tag:
            raise self._marked_error(event)
        key: str = event.value
        if key in lines:
            raise self._error(event, f"`{key}` is here twice, first on line {lines[key]}; keep one", field=key)
        lines[key] = self._line(event)
        return key

    def _marked_error(self, event: Event) -> DocumentError:
        """For an alias, and whatever bears an anchor or a tag."""
        if anchor := getattr(event, "anchor", None):
            what = f"anchors and aliases (`&{anchor}`, `*{anchor}`) are not read; write the value again"
        else:
            what = "YAML tags (`!...`) are not read; remove the tag, or quote a value that starts with `!`"
        return self._error(event, what)

    def _error(self, event: Event, message: str, field: str = "") -> DocumentError:
        return DocumentError(message, line=self._line(event), field=field)

    def _line(self, event: Event) -> int:
        """Counted by `\n` alone, as editors do; libyaml's own lines also end at U+2028 and its like."""
        return self._text.count("\n", 0, event.start_mark.index) + self._first_line

    def _read_span(self, event: Event) -> NodeSpan:
        start, end = event.start_mark.index, event.end_mark.index
        if type(event) is ScalarEvent:
            value = None if not event.style and event.value in NULLS else event.value
            return NodeSpan(start, end, _SCALAR_STYLES[event.style or ""], value)
        if type(event) is MappingStartEvent:
            style = "flow" if event.flow_style else "block"
            pairs, end = self._read_pair_spans(style)
            return NodeSpan(start, end, style, {pair.key: pair.place.value for pair in pairs}, pairs=pairs)
        if type(event) is SequenceStartEvent:
            style = "flow" if event.flow_style else "block"
            items, end = self._read_item_spans(style)
            return NodeSpan(start, end, style, [item.value for item in items], items=items)
        raise self._marked_error(event)

    def _read_item_spans(self, style: str) -> tuple[tuple[NodeSpan, ...], int]:
        found: list[NodeSpan] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            found.append(self._read_span(event))
        return tuple(found), event.end_mark.index if style == "flow" else found[-1].end

    def _read_pair_spans(self, style: str) -> tuple[tuple[Pair, ...], int]:
        found: list[Pair] = []
        while not isinstance(event := self._next(), MappingEndEvent):
            start, end, key = event.start_mark.index, event.end_mark.index, self._read_key(event, {})
            found.append(Pair(key, start, end, self._read_span(self._next())))
        return tuple(found), event.end_mark.index if style == "flow" else found[-1].place.end


def _reword_error(error: YAMLError, text: str, first_line: int) -> DocumentError:
    """libyaml's error message, reworded for a user who wants to correct the line."""
    if isinstance(error, ReaderError):  # which counts bytes
        at = len(text.encode()[: error.position].decode(errors="ignore"))
        message = f"a control character (U+{ord(text[at]):04X}); remove it, or write an escape in double quotes"
        return DocumentError(message, line=text.count("\n", 0, at) + first_line)
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return DocumentError(f"not readable as YAML ({error})", line=first_line)
    at = error.problem_mark.index
    message, by_start = advice(error.problem or "", text[at : at + 1])
    at = error.context_mark.index if by_start and error.context_mark else at
    # Not the line behind the last one: what is missing at the end is missing from the last words.
    return DocumentError(message, line=text.count("\n", 0, min(at, len(text.rstrip()))) + first_line)
