"""JSON with the line on which each object begins, which the standard library does not tell. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, cast

from coworkd.core.errors import DocumentError

MAX_DEPTH = 60
_SPACE = " \t\r\n"
_SCALAR = json.JSONDecoder()

Json: TypeAlias = "JsonObject | list[Json] | str | int | float | bool | None"


@dataclass(frozen=True, slots=True)
class JsonObject:
    """An object, and the line on which it begins."""

    line: int
    values: dict[str, Json]

    def text(self, *names: str) -> str:
        """The first of these values that is text or a number; empty where none is."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, str) and value:
                return value
            if isinstance(value, int | float) and not isinstance(value, bool):
                return f"{value:g}" if isinstance(value, float) else str(value)
        return ""

    def number(self, name: str) -> float | None:
        value = self.values.get(name)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def flag(self, name: str) -> bool:
        return self.values.get(name) is True

    def texts(self, name: str) -> list[str]:
        """The items of a list that are text or numbers; a text alone is a list of one."""
        value = self.values.get(name)
        items = value if isinstance(value, list) else [value]
        return [str(item) for item in items if isinstance(item, str | int | float) and not isinstance(item, bool)]

    def objects(self, name: str) -> Iterator[JsonObject]:
        """The items of a list that are objects."""
        value = self.values.get(name)
        yield from (item for item in value if isinstance(item, JsonObject)) if isinstance(value, list) else ()

    def child(self, name: str) -> JsonObject | None:
        value = self.values.get(name)
        return value if isinstance(value, JsonObject) else None


def read_json(text: str, first_line: int = 1) -> Json:
    """The one value of a text. Raises `DocumentError` with the line."""
    reader = _Reader(text, first_line)
    value = reader.value(0)
    reader.skip_space()
    if reader.at < len(text):
        raise reader.error("something stands behind the end of the JSON")
    return value


def _scalar(text: str, at: int) -> tuple[str | int | float | bool | None, int]:
    value, end = _SCALAR.raw_decode(text, at)
    return cast("str | int | float | bool | None", value), end


class _Reader:
    """Walks through the text once."""

    def __init__(self, text: str, first_line: int) -> None:
        self._text = text
        self.at: int = 0
        self._line, self._counted = first_line, 0

    def value(self, depth: int) -> Json:
        self.skip_space()
        if depth > MAX_DEPTH:
            raise self.error(f"it is nested more than {MAX_DEPTH} deep")
        if self._next() == "{":
            return self._object(depth)
        if self._next() == "[":
            return self._array(depth)
        try:
            value, self.at = _scalar(self._text, self.at)
        except (ValueError, RecursionError) as error:
            raise self.error("this is no JSON, or it is cut off") from error
        return value

    def _object(self, depth: int) -> JsonObject:
        line, values = self.line(), dict[str, Json]()
        self.at += 1
        while not self._closes("}", first=not values):
            if self._next() != '"':
                raise self.error("a name in quotes is expected here")
            try:
                written, self.at = _scalar(self._text, self.at)
            except ValueError as error:
                raise self.error("this text is cut off") from error
            self.skip_space()
            if self._next() != ":":
                raise self.error("a `:` is expected here")
            self.at += 1
            values[str(written)] = self.value(depth + 1)
        return JsonObject(line, values)

    def _array(self, depth: int) -> list[Json]:
        self.at += 1
        found: list[Json] = []
        while not self._closes("]", first=not found):
            found.append(self.value(depth + 1))
        return found

    def _closes(self, mark: str, *, first: bool) -> bool:
        """Step over the end, or over what stands before the next item."""
        self.skip_space()
        if self._next() == mark:
            self.at += 1
            return True
        if not first:
            if self._next() != ",":
                raise self.error(f"a `,` or a `{mark}` is expected here")
            self.at += 1
            self.skip_space()
        return False

    def skip_space(self) -> None:
        while self.at < len(self._text) and self._text[self.at] in _SPACE:
            self.at += 1

    def _next(self) -> str:
        return self._text[self.at : self.at + 1]

    def line(self) -> int:
        self._line += self._text.count("\n", self._counted, self.at)
        self._counted = max(self._counted, self.at)
        return self._line

    def error(self, message: str) -> DocumentError:
        return DocumentError(message, line=self.line())
