"""Values as JSON and back, by their declared types: what crosses between the daemon and its workers.

Dataclasses become objects, enums their value, tuples arrays. Reading is strict about types and forgiving about unknown
keys, so that a newer side can add a field.
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
"""In the folder of a run."""

_TYPE = "type"
_EVENTS: Mapping[str, type[AgentEvent]] = {event.__name__: event for event in get_args(AgentEvent)}


def encode_assignment(assignment: Assignment) -> bytes:
    return json.dumps(to_json(assignment)).encode()


def decode_assignment(content: bytes) -> Assignment:
    """Raises AgentError when it is not an assignment."""
    try:
        return from_json(Assignment, json.loads(content))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise AgentError(f"this is not an assignment: {error}") from error


def encode_event(event: AgentEvent) -> bytes:
    """One line, with its end."""
    return encode_tagged(event)


def decode_event(line: bytes) -> AgentEvent | None:
    """The event of a line; None for one that this version does not know."""
    return decode_tagged(_EVENTS, line)


def encode_tagged(value: object) -> bytes:
    """A dataclass with the name of its type, as one line."""
    return json.dumps({_TYPE: type(value).__name__, **_object(value)}).encode() + b"\n"


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
    return _object(value)


def from_json(kind: type[T], data: Json) -> T:
    """Raises TypeError or ValueError when `data` is not a `kind`."""
    return cast(T, _read(kind, data))


def _object(value: object) -> dict[str, Json]:
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} does not cross the pipe")
    return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}


def _read(kind: Any, data: Json) -> object:
    origin = get_origin(kind)
    if origin is UnionType:
        return _read_union(get_args(kind), data)
    if origin is tuple:
        return _read_tuple(get_args(kind), data)
    if is_dataclass(kind):
        return _read_dataclass(cast(type[object], kind), data)
    if issubclass(kind, Enum):
        return kind(data)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if type(data) is not kind:
        raise TypeError(f"expected {kind.__name__}, found {data!r:.80}")
    return data


def _read_union(options: tuple[Any, ...], data: Json) -> object:
    if data is None and NoneType in options:
        return None
    (option,) = (option for option in options if option is not NoneType)
    return _read(option, data)


def _read_tuple(kinds: tuple[Any, ...], data: Json) -> tuple[object, ...]:
    if not isinstance(data, list):
        raise TypeError(f"expected an array, found {data!r:.80}")
    if kinds[-1] is Ellipsis:
        return tuple(_read(kinds[0], item) for item in data)
    return tuple(_read(kind, item) for kind, item in zip(kinds, data, strict=True))


def _read_dataclass(kind: type[object], data: Json) -> object:
    if not isinstance(data, dict):
        raise TypeError(f"expected an object for {kind.__name__}, found {data!r:.80}")
    hints, required = _shape(kind)
    if missing := required - data.keys():
        raise TypeError(f"{kind.__name__} needs {', '.join(sorted(missing))}")
    return kind(**{name: _read(hint, data[name]) for name, hint in hints.items() if name in data})


@cache
def _shape(kind: type[Any]) -> tuple[dict[str, Any], frozenset[str]]:
    hints = get_type_hints(kind)
    known = {field.name: hints[field.name] for field in fields(kind)}
    required = {field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING}
    return known, frozenset(required)
