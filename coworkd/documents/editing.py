"""Edits of a document's bytes that touch nothing but what they are told to.

Pure. A person's comments, order, quotes, indentation, line endings, byte order mark and missing final newline outlive
every edit, because text is cut in by position and never printed again. It must never reformat, and never hand out bytes
that read otherwise than asked: each result is read back before it is returned.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from coworkd.core.errors import DocumentError
from coworkd.documents.markdown import Source, normalise_key, parse, split
from coworkd.documents.yaml_reader import NodeSpan, Pair, Value, outline
from coworkd.documents.yaml_writer import inline, inline_pair, pair_line, pair_lines


@dataclass(frozen=True, slots=True)
class Delete:
    """In place of a value: the key goes, with its lines and the comments on them."""


Path = tuple[str, ...]
"""Keys from the top, such as `("cowork", "rev")`; matched ignoring case, `-`, `_` and space."""

Changes = Mapping[Path, "Value | Delete"]

_OPEN_ITEM = re.compile(r"^[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]+\[( )\](?=\s)")


def edit(data: bytes, changes: Changes) -> bytes:
    """The same document with other header values; equal values give back the same bytes.

    A missing top-level key becomes the last line of the header, a missing nested one the last of its map, a missing map
    a block indented by two spaces. Without a header one is put in front. Raises DocumentError when `data` is not a
    document, or is laid out so that the edit would not read back.
    """
    before = parse(data)
    source = split(data)
    header = source.header
    for path, value in changes.items():
        # Positions are computed again for each change, so that none can disturb another.
        header = _Editor(header, source.newline).changed(path, value)
    if header == source.header:
        return data
    result = _with_header(source, header)
    expected = copy.deepcopy({entry.key: entry.value for entry in before.entries})
    for path, value in changes.items():
        _set_value(expected, path, value)
    if {entry.key: entry.value for entry in parse(result).entries} != expected:
        where = ", ".join(".".join(path) for path in changes)
        raise DocumentError(f"`{where}` cannot be changed in a header laid out like this; write `key: value` lines")
    return result


def replace_body(data: bytes, body: str) -> bytes:
    """The same document with another body; the header's bytes stay."""
    source = split(data)
    return _encode(source, source.text[: source.body] + body)


def tick(data: bytes, line: int) -> bytes:
    """`- [ ]` becomes `- [x]` on the 0-based `line` of the body. Raises DocumentError when there is no open box."""
    source = split(data)
    lines = source.text[source.body :].split("\n")
    found = _OPEN_ITEM.match(lines[line]) if 0 <= line < len(lines) else None
    if found is None:
        raise DocumentError("no open `- [ ]` item here", line=source.text.count("\n", 0, source.body) + line + 1)
    at = source.body + sum(len(text) + 1 for text in lines[:line]) + found.start(1)
    return _encode(source, source.text[:at] + "x" + source.text[at + 1 :])


def _with_header(source: Source, header: str) -> bytes:
    if source.fenced:
        return _encode(source, source.text[: source.start] + header + source.text[source.end :])
    return _encode(source, f"---{source.newline}{header}---{source.newline}{source.text}")


def _encode(source: Source, text: str) -> bytes:
    return (("\ufeff" if source.bom else "") + text).encode()


def _set_value(values: dict[str, Value], path: Path, value: Value | Delete) -> None:
    """The same change on values: what the edited bytes have to read as."""
    name = _matching_key(values, path[0]) or path[0]
    if len(path) == 1 and isinstance(value, Delete):
        values.pop(name, None)
    elif len(path) == 1 and not isinstance(value, Delete):
        values[name] = copy.deepcopy(value)
    elif isinstance(inner := values.get(name), dict):
        _set_value(inner, path[1:], value)
    elif not isinstance(value, Delete):
        values[name] = copy.deepcopy(_nested_value(path[1:], value))


def _matching_key(keys: Iterable[str], name: str) -> str | None:
    """The key that means `name`: the very same one first."""
    wanted = normalise_key(name)
    alike = [key for key in keys if normalise_key(key) == wanted]
    return name if name in alike else alike[0] if alike else None


def _nested_value(path: Path, value: Value) -> Value:
    for name in reversed(path):
        value = {name: value}
    return value


@dataclass(frozen=True, slots=True)
class _Editor:
    """One change of a header. Every method returns the whole new header."""

    text: str
    """Empty, or whole lines."""
    newline: str

    def changed(self, path: Path, value: Value | Delete) -> str:
        holder, owner = outline(self.text), None
        for depth, name in enumerate(path, 1):
            pair = _find_pair(holder, name)
            if pair is None or holder is None:
                if isinstance(value, Delete):
                    return self.text
                return self._insert(holder, name, _nested_value(path[depth:], value), top=owner is None)
            if isinstance(value, Delete):
                if depth == len(path):
                    return self._delete(owner, holder, pair)
            elif depth == len(path) or not isinstance(pair.place.value, dict):
                return self._replace(
                    pair, _nested_value(path[depth:], value), flow=holder.style == "flow", top=owner is None
                )
            owner, holder = pair, pair.place
        return self.text

    def _insert(self, holder: NodeSpan | None, key: str, value: Value, *, top: bool) -> str:
        if holder is not None and holder.style == "flow":
            at = holder.pairs[-1].place.end if holder.pairs else holder.start + 1
            return self._splice(at, at, (", " if holder.pairs else "") + inline_pair(key, value))
        indent = self._indent(holder.start) if holder else ""
        at = len(self.text) if top or holder is None else self._next_line_start(holder)
        return self._with_lines(at, indent, pair_lines(key, value) if top else [pair_line(key, value)])

    def _replace(self, pair: Pair, value: Value, *, flow: bool, top: bool) -> str:
        place = pair.place
        if place.value == value:
            return self.text
        if place.style == "plain" and place.start == place.end:
            return self._fill_empty(pair, value, flow=flow, top=top)
        if place.style == "block" and "\n" in self.text[pair.end : place.start]:
            if isinstance(value, list) and value and place.items and all(map(self._beside_dash, place.items)):
                return self._replace_list(place, value)
            return self._replace_block(pair, value)
        return self._splice(place.start, self._content_end(place), inline(value, flow=flow))

    def _fill_empty(self, pair: Pair, value: Value, *, flow: bool, top: bool) -> str:
        """A value where there was none."""
        at = pair.place.start
        if top and not flow and isinstance(value, dict) and value:
            indent = self._indent(pair.start) + "  "
            return self._with_lines(
                self._next_line_start(pair.place), indent, [pair_line(*item) for item in value.items()]
            )
        colon = "" if ":" in self.text[pair.end : at] else ":"
        return self._splice(at, at, f"{colon} {inline(value, flow=flow)}")

    def _replace_block(self, pair: Pair, value: Value) -> str:
        """A list or map on the lines below its key becomes a value beside the key; comments around it stay."""
        beside = self.text.index(":", pair.end) + 1
        last = self.text.rfind("\n", 0, pair.place.start)
        end_of_line = last - 1 if self.text[last - 1] == "\r" else last
        rest = self.text[self._content_end(pair.place) :]
        return f"{self.text[:beside]} {inline(value, flow=False)}{self.text[beside:end_of_line]}{rest}"

    def _beside_dash(self, item: NodeSpan) -> bool:
        return self.text[self._line_start(item.start) : item.start].strip() == "-"

    def _replace_list(self, place: NodeSpan, value: list[Value]) -> str:
        """A block list keeps the lines of the items that it begins and ends with as before, and their comments."""
        old = [item.value for item in place.items]
        head = _shared_prefix_length(old, value)
        tail = _shared_prefix_length(old[head:][::-1], value[head:][::-1])
        start = self._line_start(place.items[head].start) if head < len(old) else self._next_line_start(place)
        end = start if head + tail == len(old) else self._next_line_start(place.items[len(old) - tail - 1])
        fresh = [f"- {inline(item, flow=False)}" for item in value[head : len(value) - tail]]
        shorter = _Editor(self._splice(start, end, ""), self.newline)
        return shorter._with_lines(start, self._indent(place.start), fresh)

    def _delete(self, owner: Pair | None, holder: NodeSpan, pair: Pair) -> str:
        if holder.style == "flow":
            return self._splice(*_flow_span(holder, pair), "")
        if owner is not None and len(holder.pairs) == 1:
            return self._replace_block(owner, {})
        return self._splice(self._line_start(pair.start), self._next_line_start(pair.place), "")

    def _with_lines(self, at: int, indent: str, lines: Iterable[str]) -> str:
        return self._splice(at, at, "".join(f"{indent}{line}{self.newline}" for line in lines))

    def _splice(self, start: int, end: int, text: str) -> str:
        return self.text[:start] + text + self.text[end:]

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _indent(self, at: int) -> str:
        before = self.text[self._line_start(at) : at]
        return before if before.isspace() else " " * len(before)

    def _next_line_start(self, place: NodeSpan) -> int:
        """The start of the line after a value and the comment beside it."""
        ends_line = self.text[place.end - 1] == "\n"
        return place.end if ends_line else self.text.index("\n", place.end) + 1

    def _content_end(self, place: NodeSpan) -> int:
        """Before the last line ending of a block scalar; the end of every other value."""
        if self.text[place.end - 1] != "\n":
            return place.end
        content = self.text[place.start : place.end].rstrip("\r\n \t")
        line_end = self.text.index("\n", place.start + len(content))
        return line_end - 1 if self.text[line_end - 1] == "\r" else line_end


def _find_pair(holder: NodeSpan | None, name: str) -> Pair | None:
    pairs = {pair.key: pair for pair in holder.pairs} if holder else {}
    return pairs.get(_matching_key(pairs, name) or name)


def _flow_span(holder: NodeSpan, pair: Pair) -> tuple[int, int]:
    """What goes with a pair in `{...}`: one of the commas beside it."""
    at = holder.pairs.index(pair)
    if at + 1 < len(holder.pairs):
        return pair.start, holder.pairs[at + 1].start
    if at > 0:
        return holder.pairs[at - 1].place.end, pair.place.end
    return holder.start + 1, holder.end - 1


def _shared_prefix_length(left: list[Value], right: list[Value]) -> int:
    """How many items both lists begin with."""
    return next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
