"""How a record of `rows.py` is read from and written to its table, derived from its fields.

A field is a column of the same name. Where the column keeps an older name, the field says so:
`reply: Annotated[str, SqlName("said")]`. Text of statements uses the columns' names, Python the fields'.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, TypeVar

Row = TypeVar("Row")
Column = str | int | float | bytes | None


@dataclass(frozen=True, slots=True)
class SqlName:
    """The name of a field's column, where it is not the field's."""

    column: str


_KEYS: Mapping[str, tuple[str, ...]] = {
    "documents": ("path",),
    "tasks": ("id",),
    "runs": ("id",),
    "requests": ("id",),
    "messages": ("path",),
    "submissions": ("task", "number"),
    "events": ("id",),
    "grants": ("request",),
    "cooldowns": ("account",),
}


def select_statement(record: type[Any], where: str) -> str:
    """`where` is everything after WHERE, or an ORDER BY."""
    clause = f" WHERE {where}" if where and not where.startswith("ORDER") else f" {where}"
    return f"SELECT {', '.join(columns_of(record).values())} FROM {_table(record)}{clause}"


@functools.cache
def update_statement(record: type[Any], fields: tuple[str, ...]) -> str:
    """Sets these fields of the row with the primary key. Raises `KeyError` for a field the record does not have."""
    columns = columns_of(record)
    changes = ", ".join(f"{columns[field]} = ?" for field in fields)
    key = " AND ".join(f"{name} = ?" for name in _KEYS[_table(record)])
    return f"UPDATE {_table(record)} SET {changes} WHERE {key}"


@functools.cache
def inserter(record: type[Any]) -> tuple[str, Callable[[Any], Sequence[Column]]]:
    """The statement that inserts or replaces a record, and what makes its values; made once per record."""
    columns = columns_of(record)
    marks = ", ".join("?" * len(columns))
    cells = operator.attrgetter(*columns)
    hints = typing.get_type_hints(record)
    typed = [(at, to_cell) for at, name in enumerate(columns) if (to_cell := _cell_maker(hints[name])) is not None]

    def values_of(one: Any) -> Sequence[Column]:
        values = list(cells(one))
        for at, to_cell in typed:
            values[at] = to_cell(values[at])
        return values

    return f"INSERT OR REPLACE INTO {_table(record)} ({', '.join(columns.values())}) VALUES ({marks})", values_of


@functools.cache
def loader(record: type[Row]) -> Callable[[Sequence[Any]], Row]:
    """Turns a row into the record, giving enums and booleans their types back; made once per record."""
    hints = typing.get_type_hints(record)
    fields = tuple(columns_of(record))
    converters = [(name, _converter(hints[name])) for name in fields]
    typed = [(name, convert) for name, convert in converters if convert is not _same]

    def load(row: Sequence[Any]) -> Any:
        cells = dict(zip(fields, row, strict=True))
        for name, convert in typed:
            cells[name] = convert(cells[name])
        return record(**cells)

    return load


def plain_value(value: Any) -> Column:
    """A field's value as SQLite stores it."""
    if isinstance(value, Enum):
        return str(value.value)
    return int(value) if isinstance(value, bool) else value


def _table(record: type[Any]) -> str:
    return record.__name__.removesuffix("Row").lower() + "s"


@functools.cache
def columns_of(record: type[Any]) -> dict[str, str]:
    """The column of each field, in the order of the fields."""
    hints = typing.get_type_hints(record, include_extras=True)
    return {item.name: _column(item.name, hints[item.name]) for item in dataclasses.fields(record)}


def _column(field: str, hint: Any) -> str:
    extras = hint.__metadata__ if typing.get_origin(hint) is Annotated else ()
    return next((extra.column for extra in extras if isinstance(extra, SqlName)), field)


def _cell_maker(hint: Any) -> Callable[[Any], Column] | None:
    """What makes a field's value one that SQLite stores; None where it is one already."""
    if not isinstance(hint, type) or not issubclass(hint, (Enum, bool)):
        return None
    return int if hint is bool else _enum_value


def _enum_value(value: Enum) -> str:
    return str(value.value)


def _converter(hint: Any) -> Callable[[Any], Any]:
    if isinstance(hint, type) and (issubclass(hint, Enum) or hint is bool):
        return hint
    if isinstance(hint, types.UnionType) or hint in (str, int, bytes):
        return _same
    return float if hint is float else _same


def _same(value: Any) -> Any:
    return value
