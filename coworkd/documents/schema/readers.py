"""Typed readers: from the text of a header to the values of the model.

Pure. A reader takes a value as written and returns what it means, or raises DocumentError with what to write instead;
the caller adds file, line and key. Readers with a parameter are values, so that other things can be made of the table
they stand in (`json_schema`). It must never fall back to a default for something it does not understand.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from coworkd.core.errors import DocumentError
from coworkd.core.text_formats import shorten
from coworkd.documents.markdown import Value, normalise_key
from coworkd.documents.typos import closest, suggestion

Reader: TypeAlias = Callable[[Value], Any]
"""What it returns is the type of the model's field that it is listed for."""

E = TypeVar("E", bound=StrEnum)

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?")
_DURATION = re.compile(
    r"(?:(?P<d>[0-9]{1,6})d)?\s*(?:(?P<h>[0-9]{1,6})h)?\s*(?:(?P<m>[0-9]{1,6})m)?\s*(?:(?P<s>[0-9]{1,9}(?:\.[0-9]+)?)s)?"
)
_SIZE = re.compile(r"(?P<number>[0-9]{1,15}(?:\.[0-9]{1,6})?)\s*(?P<unit>[kmg]?i?b?)", re.IGNORECASE)
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def raw(value: Value) -> Value:
    """Whatever is written; its reader comes later."""
    return value


def text(value: Value) -> str:
    if isinstance(value, str):
        return value
    raise DocumentError(f"{_describe_value(value)} stands where a text belongs")


def texts(value: Value) -> tuple[str, ...]:
    """A list of texts; a text alone is a list of one."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(text(item) for item in value)
    raise DocumentError(f"{_describe_value(value)} stands where a list belongs; write `[a, b]`")


@dataclass(frozen=True, slots=True)
class TextListReader:
    """Reads a list of at most so many texts; a text alone is a list of one."""

    maximum: int

    def __call__(self, value: Value) -> tuple[str, ...]:
        found = texts(value)
        if len(found) > self.maximum:
            raise DocumentError(f"these are {len(found)}; at most {self.maximum} are possible")
        return found


def command_line(value: Value) -> tuple[str, ...]:
    """The words of a command: a list as it is, a text split as a shell would."""
    if not isinstance(value, str):
        return texts(value)
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise DocumentError(
            f"{_describe_value(value)} has an open quote; write a list: `[program, argument]`"
        ) from error


def text_pairs(value: Value) -> tuple[tuple[str, str], ...]:
    """A map of texts, in its order; nothing reads as the empty text."""
    if not isinstance(value, dict):
        raise DocumentError(f"{_describe_value(value)} stands where a map belongs; write `{{NAME: value}}`")
    return tuple((key, "" if item is None else text(item)) for key, item in value.items())


def flag(value: Value) -> bool:
    word = text(value).lower()
    if word not in _FLAGS:
        raise DocumentError(f"{_describe_value(value)} is not yes or no; write `true` or `false`")
    return _FLAGS[word]


def number(value: Value) -> float:
    """Zero or more."""
    if not _NUMBER.fullmatch(text(value)):
        raise DocumentError(f"{_describe_value(value)} is not a number such as `2.5`")
    return float(text(value))


@dataclass(frozen=True, slots=True)
class IntReader:
    """Reads whole numbers from `minimum` up, at most `maximum` where there is one."""

    minimum: int
    maximum: int | None = None

    def __call__(self, value: Value) -> int:
        written = text(value)
        if not re.fullmatch(r"[0-9]{1,15}", written) or int(written) < self.minimum:
            raise DocumentError(f"{_describe_value(value)} is not a whole number of at least {self.minimum}")
        if self.maximum is not None and int(written) > self.maximum:
            raise DocumentError(f"{_describe_value(value)} is more than {self.maximum}")
        return int(written)


def counts(value: Value) -> tuple[tuple[str, int], ...]:
    """A map of names to whole numbers of at least 1, by name in lower case."""
    if not isinstance(value, dict):
        raise DocumentError(f"{_describe_value(value)} stands where a map belongs; write `{{name: 4}}`")
    return tuple(sorted((key.strip().lower(), read_as(IntReader(1), item, key)) for key, item in value.items()))


def duration(value: Value) -> float:
    """Seconds, zero or more: `45m`, `2h`, `1h30m`, `90s`, `1d`, or a plain number."""
    written = text(value).strip().lower()
    if _NUMBER.fullmatch(written):
        return float(written)
    found = _DURATION.fullmatch(written)
    if not written or found is None:
        raise DocumentError(f"{_describe_value(value)} is not a length of time; write `45m`, `2h`, `1h30m` or seconds")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def time_limit(value: Value) -> float:
    """A duration that lets something happen at all."""
    seconds = duration(value)
    if seconds <= 0:
        raise DocumentError(f"{_describe_value(value)} leaves no time; write for example `45m`")
    return seconds


def size(value: Value) -> int:
    """Bytes: `10MB` and `10M` are decimal, `10MiB` is binary, a plain number is bytes."""
    found = _SIZE.fullmatch(text(value).strip())
    if found is None:
        raise DocumentError(f"{_describe_value(value)} is not a size; write `10MB`, `512KiB` or a number of bytes")
    unit = found["unit"].lower()
    step = 1024 if "i" in unit else 1000
    return int(float(found["number"]) * step ** " kmg".index(unit[0] if unit[:1] in {"k", "m", "g"} else " "))


@dataclass(frozen=True, slots=True)
class EnumReader(Generic[E]):
    """Reads one of the enum's words, in any case."""

    words: type[E]

    @property
    def offered(self) -> tuple[str, ...]:
        return tuple(member.value for member in self.words)

    def __call__(self, value: Value) -> E:
        word = text(value).strip().lower()
        if word not in self.offered:
            raise unknown_word(value, self.offered)
        return self.words(word)


@dataclass(frozen=True, slots=True)
class WordReader:
    """Reads one of the words, in any case."""

    offered: tuple[str, ...]

    def __call__(self, value: Value) -> str:
        word = text(value).strip().lower()
        if word not in self.offered:
            raise unknown_word(value, self.offered)
        return word


@dataclass(frozen=True, slots=True)
class EnumSetReader(Generic[E]):
    """Reads any of the enum's words; an empty list is none of them."""

    words: type[E]

    @property
    def offered(self) -> tuple[str, ...]:
        return tuple(member.value for member in self.words)

    def __call__(self, value: Value) -> frozenset[E]:
        one = EnumReader(self.words)
        return frozenset(one(item) for item in texts(value))


@dataclass(frozen=True, slots=True)
class MappingReader:
    """Reads a map with these keys, each optional unless `make` asks for it; a text alone stands for the key `alone`."""

    make: Callable[..., Any]
    readers: Mapping[str, Reader]
    shorthand: str = ""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """Keys that have their place in another file, with the reason why not here."""
    closed: bool = False
    """A key that is not listed is refused, not only one that looks like a slip."""

    def __call__(self, value: Value) -> Any:
        if self.shorthand and isinstance(value, str):
            value = {self.shorthand: value}
        if not isinstance(value, dict):
            first = next(iter(self.readers))
            raise DocumentError(f"{_describe_value(value)} stands where a map belongs; write `{{{first}: ...}}`")
        names = {normalise_key(name): name for name in self.readers}
        found: dict[str, Any] = {}
        for key, item in value.items():
            name = names.get(normalise_key(key))
            if name is None:
                if why := dict(self.elsewhere).get(normalise_key(key)):
                    raise DocumentError(why, field=key)
                _refuse_slip(key, names)
                if self.closed:
                    raise DocumentError(f"not known here; there is: {', '.join(self.readers)}", field=key)
            elif name in found:
                raise DocumentError(f"`{name}` is here twice; keep one", field=name)
            elif item is not None:
                found[name] = read_as(self.readers[name], item, name)
        return self.make(**found)


def read_as(reader: Reader, value: Value, name: str) -> Any:
    """What `reader` makes of the value; its complaint names the key."""
    try:
        return reader(value)
    except DocumentError as error:
        field = f"{name}.{error.field}" if error.field else name
        raise DocumentError(error.message, field=field) from error


def unknown_word(value: Value, words: Sequence[str]) -> DocumentError:
    """For a word that is none of `words`."""
    hint = suggestion(value, words) if isinstance(value, str) else ""
    return DocumentError(f"{_describe_value(value)} is not one of {', '.join(words)}{hint}")


def _refuse_slip(key: str, names: Mapping[str, str]) -> None:
    """Stricter than for top-level keys: users keep no keys of their own here, and an ignored `denny` allows."""
    if meant := closest(normalise_key(key), names, 0.75):
        raise DocumentError(f"not known here; did you mean `{names[meant]}`?", field=key)


def _describe_value(value: Value) -> str:
    if isinstance(value, str):
        return f"`{shorten(value, 40)}`"
    return "a list" if isinstance(value, list) else "a map" if isinstance(value, dict) else "nothing"
