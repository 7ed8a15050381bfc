"""How a record of `rows.py` is read from and written to its table, derived from its fields.

A field is a column of the same name. Where the column keeps an older name, the field says so:
`reply: Annotated[str, SqlName("said")]`. Text of statements uses the columns' names, Python the fields'.

The table is flat, a record need not be: a field that is itself a frozen dataclass takes up a column for each of its
fields, and one that may be None is None where all of these columns are empty. Where it is one of several
dataclasses, the field's own column has the `kind` of the one that it is, and the columns of the others are empty.
`SqlNames` says where a column has another name than the nested field.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import operator
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, TypeVar

Row = TypeVar("Row")
Column = str | int | float | bytes | None


@dataclass(frozen=True, slots=True)
class SqlName:
    """The name of a field's column, where it is not the field's."""

    column: str


class SqlNames:
    """The columns of some fields of a nested value, where they are not the fields' names."""

    def __init__(self, **columns: str) -> None:
        self.columns = columns


_KEYS: Mapping[str, tuple[str, ...]] = {
    "documents": ("path",),
    "tasks": ("id",),
    "runs": ("id",),
    "requests": ("id",),
    "messages": ("path",),
    "submissions": ("task", "number"),
    "events": ("id",),
    "patterns": ("task", "attempt"),
    "steps": ("task", "attempt", "key"),
    "grants": ("request",),
    "cooldowns": ("account",),
    "plans": ("path",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldColumns:
    """The columns of a field, and how its value is written to cells and read from them."""

    columns: tuple[str, ...]
    to_cells: Callable[[Any], Sequence[Column]] | None
    """None: the value is its one cell."""
    to_value: Callable[[Sequence[Any]], Any] | None
    """None: the one cell is the value."""
    empty: tuple[Column, ...]
    """The cells of a value that is not there."""


# ---- statements


def select_statement(record: type[Any], where: str) -> str:
    """`where` is everything after WHERE, or an ORDER BY."""
    clause = f" WHERE {where}" if where and not where.startswith("ORDER") else f" {where}"
    return f"{_selection(record)}{clause}"


@functools.cache
def _selection(record: type[Any]) -> str:
    """All columns of the table of a record; made once per record."""
    return f"SELECT {', '.join(columns_of(record))} FROM {_table(record)}"


@functools.cache
def updater(record: type[Any], fields: tuple[str, ...]) -> tuple[str, Callable[[Sequence[Any]], list[Column]]]:
    """The statement that sets these fields of the row with the primary key, and what makes its cells of their values.

    Raises `KeyError` for a field that the record does not have.
    """
    mapped = [field_columns(record)[field] for field in fields]
    changes = ", ".join(f"{column} = ?" for field in mapped for column in field.columns)
    key = " AND ".join(f"{name} = ?" for name in _KEYS[_table(record)])

    makers = [field.to_cells for field in mapped]

    def cells_of(values: Sequence[Any]) -> list[Column]:
        return _to_cells(makers, values)

    return f"UPDATE {_table(record)} SET {changes} WHERE {key}", cells_of


@functools.cache
def inserter(record: type[Any]) -> tuple[str, Callable[[Any], Sequence[Column]]]:
    """The statement that inserts or replaces a record, and what makes its cells; made once per record."""
    columns, mapped = columns_of(record), field_columns(record)
    marks, names = ", ".join("?" * len(columns)), tuple(mapped)
    makers = [field.to_cells for field in mapped.values()]

    def cells_of(row: Any) -> Sequence[Column]:
        return _to_cells(makers, [getattr(row, name) for name in names])

    return f"INSERT OR REPLACE INTO {_table(record)} ({', '.join(columns)}) VALUES ({marks})", cells_of


@functools.cache
def loader(record: type[Row]) -> Callable[[Sequence[Any]], Row]:
    """Turns a row into the record, giving enums, booleans and nested values their types back; made once per record."""
    mapped = field_columns(record)
    ends = list(itertools.accumulate(len(field.columns) for field in mapped.values()))
    spans = {name: (end - len(field.columns), end) for (name, field), end in zip(mapped.items(), ends, strict=True)}
    plain = {name: spans[name][0] for name, field in mapped.items() if field.to_value is None}
    coded = [(name, field.to_value, *spans[name]) for name, field in mapped.items() if field.to_value is not None]
    plain_names, plain_cells = tuple(plain), _cell_getter(tuple(plain.values()))

    def load(row: Sequence[Any]) -> Any:
        values = dict(zip(plain_names, plain_cells(row), strict=True))
        for name, to_value, start, end in coded:
            values[name] = to_value(row[start:end])
        return record(**values)

    return load


@functools.cache
def loaded(record: type[Row]) -> Callable[[Iterable[Sequence[Any]]], list[Row]]:
    """Turns rows into records; the same function for a record at each call."""
    load = loader(record)
    return lambda rows: [load(row) for row in rows]


def _cell_getter(positions: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """The cells of a row at these positions; `itemgetter`, which is fastest, gives no sequence for a single one."""
    if len(positions) > 1:
        return operator.itemgetter(*positions)
    return lambda row: [row[position] for position in positions]


def columns_of(record: type[Any]) -> list[str]:
    """Every column of the record, in the order of its fields."""
    return [column for field in field_columns(record).values() for column in field.columns]


def _table(record: type[Any]) -> str:
    """The record's own, or that of the record which it narrows."""
    name = next(base.__name__ for base in record.__mro__ if base.__name__.endswith("Row"))
    return name.removesuffix("Row").lower() + "s"


# ---- fields


@functools.cache
def field_columns(record: type[Any]) -> Mapping[str, FieldColumns]:
    """The columns of each field, in the order of the fields."""
    return _columns_of_fields(record, {})


def _columns_of_fields(record: type[Any], names: Mapping[str, str]) -> Mapping[str, FieldColumns]:
    hints = typing.get_type_hints(record, include_extras=True)
    return {item.name: _columns_of_field(item.name, hints[item.name], names) for item in dataclasses.fields(record)}


def _columns_of_field(name: str, hint: Any, names: Mapping[str, str]) -> FieldColumns:
    """`names`: columns that the surrounding record gives to its fields."""
    extras = hint.__metadata__ if typing.get_origin(hint) is Annotated else ()
    bare = hint.__origin__ if extras else hint
    column = next((extra.column for extra in extras if isinstance(extra, SqlName)), names.get(name, name))
    nested = next((extra.columns for extra in extras if isinstance(extra, SqlNames)), dict[str, str]())
    choices = [choice for choice in _alternatives(bare) if choice is not types.NoneType]
    first: type[Any] = choices[0]
    if isinstance(getattr(first, "kind", None), Enum):
        return _columns_of_variants(column, choices, nested)
    if not dataclasses.is_dataclass(first):
        return _columns_of_scalar(column, bare)
    return _columns_of_nested_value(first, nested, optional=len(choices) < len(_alternatives(bare)))


def _alternatives(hint: Any) -> Sequence[Any]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _columns_of_scalar(column: str, hint: Any) -> FieldColumns:
    """A field of one column."""
    coded = isinstance(hint, type) and (issubclass(hint, Enum) or hint is bool)
    return FieldColumns(
        columns=(column,),
        to_cells=(lambda value: (plain_value(value),)) if coded else None,
        to_value=(lambda cells: hint(cells[0])) if coded or hint is float else None,
        empty=(_empty_cell(hint),),
    )


def _empty_cell(hint: Any) -> Column:
    if not isinstance(hint, type):
        return None
    return "" if issubclass(hint, str) else hint()


def _columns_of_nested_value(value_type: type[Any], names: Mapping[str, str], *, optional: bool) -> FieldColumns:
    """A nested value: the columns of its fields, behind one another."""
    fields = _columns_of_fields(value_type, names)
    columns = tuple(column for field in fields.values() for column in field.columns)
    empty = tuple(cell for field in fields.values() for cell in field.empty)

    makers = [field.to_cells for field in fields.values()]

    def to_cells(value: Any) -> Sequence[Column]:
        return empty if value is None else _to_cells(makers, [getattr(value, name) for name in fields])

    def to_value(cells: Sequence[Any]) -> Any:
        return None if optional and tuple(cells) == empty else value_type(**_to_values(fields, cells))

    return FieldColumns(columns=columns, to_cells=to_cells, to_value=to_value, empty=empty)


def _columns_of_variants(column: str, variants: Sequence[type[Any]], names: Mapping[str, str]) -> FieldColumns:
    """One of several values: the column that says which, and every column that one of them has."""
    fields = {variant.kind: _columns_of_fields(variant, names) for variant in variants}
    types_by_kind = {variant.kind: variant for variant in variants}
    every = [field for mapped in fields.values() for field in mapped.values()]
    empty = {name: cell for field in every for name, cell in zip(field.columns, field.empty, strict=True)}
    places = {name: place for place, name in enumerate(empty, start=1)}

    def to_cells(value: Any) -> Sequence[Column]:
        cells = dict(empty)
        for name, field in fields[value.kind].items():
            cells.update(zip(field.columns, _to_cells([field.to_cells], [getattr(value, name)]), strict=True))
        return [plain_value(value.kind), *cells.values()]

    def to_value(cells: Sequence[Any]) -> Any:
        mapped = fields[cells[0]]
        own = [cells[places[name]] for field in mapped.values() for name in field.columns]
        return types_by_kind[cells[0]](**_to_values(mapped, own))

    columns = (column, *empty)
    return FieldColumns(columns=columns, to_cells=to_cells, to_value=to_value, empty=("", *empty.values()))


def _to_cells(makers: Sequence[Callable[[Any], Sequence[Column]] | None], values: Sequence[Any]) -> list[Column]:
    """The cells of values, behind one another."""
    cells: list[Column] = []
    for to_cells, value in zip(makers, values, strict=True):
        if to_cells is None:
            cells.append(value)
        else:
            cells.extend(to_cells(value))
    return cells


def _to_values(fields: Mapping[str, FieldColumns], cells: Sequence[Any]) -> dict[str, Any]:
    """The values of fields whose cells stand behind one another."""
    values: dict[str, Any] = {}
    at = 0
    for name, field in fields.items():
        mine, at = cells[at : at + len(field.columns)], at + len(field.columns)
        values[name] = mine[0] if field.to_value is None else field.to_value(mine)
    return values


def plain_value(value: Any) -> Column:
    """A field's value as SQLite stores it."""
    if isinstance(value, Enum):
        return str(value.value)
    return int(value) if isinstance(value, bool) else value
