"""Encodes values as JSON and decodes them by their declared types: assignments, events, commands, transcripts.

Dataclasses become objects, enums their values, tuples and sets arrays; the only unions are those of one type and None.
Decoding is strict about types and ignores unknown keys, so that a newer version can add a field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeAlias, TypeVar, cast, get_args, get_origin, get_type_hints

from coworkd.agents.port import AgentEvent, Assignment
from coworkd.core.errors import AgentError

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

T = TypeVar("T")

ASSIGNMENT_FILE = "assignment.json"
"""The name of the file with the assignment in the folder of a run."""

_TYPE = "type"
"""The key of the name of the type; no dataclass that is written with it has a field of this name."""
_EVENTS: Mapping[str, type[AgentEvent]] = {event.__name__: event for event in get_args(AgentEvent)}


def encode_assignment(assignment: Assignment) -> bytes:
    return json.dumps(to_json(assignment)).encode()


def decode_assignment(content: bytes) -> Assignment:
    """Raises AgentError when the content is not an assignment."""
    try:
        return from_json(Assignment, json.loads(content))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise AgentError(f"this is not an assignment: {error}") from error


def encode_event(event: AgentEvent) -> bytes:
    """One line, with the line feed at its end."""
    return encode_tagged(event)


def decode_event(line: bytes) -> AgentEvent | None:
    """The event of a line; None for one that is damaged or that this version does not know."""
    return decode_tagged(_EVENTS, line)


def encode_tagged(value: object) -> bytes:
    """A dataclass with the name of its type, as one line with the line feed at its end."""
    return json.dumps({_TYPE: type(value).__name__, **_encode_fields(value)}).encode() + b"\n"


def decode_tagged(known: Mapping[str, type[T]], line: bytes) -> T | None:
    """The reverse of `encode_tagged`, for the types in `known`; None for anything else."""
    try:
        data = json.loads(line)
        return from_json(known[data[_TYPE]], data)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def to_json(value: object) -> Json:
    if isinstance(value, Enum):
        return cast(Json, value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple):
        return [to_json(item) for item in cast(Sequence[object], value)]
    if isinstance(value, frozenset):
        return sorted((to_json(item) for item in cast(frozenset[object], value)), key=repr)
    return _encode_fields(value)


def from_json(declared: type[T], data: Json) -> T:
    """Raises TypeError or ValueError when `data` does not have the declared type."""
    return cast(T, _decode(declared, data))


def _encode_fields(value: object) -> dict[str, Json]:
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} cannot be encoded as JSON")
    return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}


def _decode(declared: Any, data: Json) -> object:
    origin = get_origin(declared)
    if origin is UnionType:
        return _decode_union(get_args(declared), data)
    if origin is tuple:
        return _decode_tuple(get_args(declared), data)
    if origin is frozenset:
        return frozenset(_decode_tuple((*get_args(declared), Ellipsis), data))
    if is_dataclass(declared):
        return _decode_dataclass(cast(type[object], declared), data)
    if issubclass(declared, Enum):
        return declared(data)
    if declared is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if type(data) is not declared:
        raise TypeError(f"expected {declared.__name__}, found {data!r:.80}")
    return data


def _decode_union(options: tuple[Any, ...], data: Json) -> object:
    if data is None and NoneType in options:
        return None
    (option,) = (option for option in options if option is not NoneType)
    return _decode(option, data)


def _decode_tuple(item_types: tuple[Any, ...], data: Json) -> tuple[object, ...]:
    if not isinstance(data, list):
        raise TypeError(f"expected an array, found {data!r:.80}")
    if item_types[-1] is Ellipsis:
        return tuple(_decode(item_types[0], item) for item in data)
    return tuple(_decode(declared, item) for declared, item in zip(item_types, data, strict=True))


def _decode_dataclass(declared: type[object], data: Json) -> object:
    if not isinstance(data, dict):
        raise TypeError(f"expected an object for {declared.__name__}, found {data!r:.80}")
    types, required = _declared_fields(declared)
    if missing := required - data.keys():
        raise TypeError(f"{declared.__name__} needs {', '.join(sorted(missing))}")
    return declared(**{name: _decode(field_type, data[name]) for name, field_type in types.items() if name in data})


@cache
def _declared_fields(declared: type[Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """The types of a dataclass's fields by name, and the names of those without a default."""
    hints, declared_fields = get_type_hints(declared), fields(declared)
    types = {field.name: hints[field.name] for field in declared_fields}
    optional = {f.name for f in declared_fields if f.default is not MISSING or f.default_factory is not MISSING}
    return types, frozenset(types.keys() - optional)
