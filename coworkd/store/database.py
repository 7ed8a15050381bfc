"""Opening, migrating, reading and writing."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
import types
import typing
from collections.abc import Callable, Generator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from coworkd.errors import StoreDamagedError, StoreError

Row = TypeVar("Row")
Cells: TypeAlias = sqlite3.Row
"""A row that a query found, by the names of its columns."""
Column = str | int | float | bytes | None

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

VERSION = 4
"""The version of the tables that this code reads and writes."""


class Database:
    """One connection. `write` is the only way in, and everything within one `write` lands together or not at all."""

    def __init__(self, path: Path | str, *, read_only: bool = False, patience: float = 10.0) -> None:
        """`patience`: seconds to wait for another process that holds the database."""
        self.path = str(path)
        uri = f"file:{_quoted(self.path)}?mode=ro" if read_only else self.path
        self.connection = sqlite3.connect(
            uri, uri=read_only, isolation_level=None, check_same_thread=False, timeout=patience
        )
        self.connection.row_factory = sqlite3.Row
        self._depth = 0
        if not read_only:
            self._prepare()

    def _prepare(self) -> None:
        try:
            self.connection.execute("PRAGMA journal_mode=WAL")
            self.connection.execute("PRAGMA synchronous=NORMAL")
            self.connection.execute("PRAGMA foreign_keys=OFF")
            self._check()
            self._migrate()
        except sqlite3.DatabaseError as error:
            self.connection.close()
            kind = StoreDamagedError if error.sqlite_errorcode in _DAMAGED else StoreError
            raise kind(f"the database {self.path} cannot be used: {error}") from error

    def _migrate(self) -> None:
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            self.connection.close()
            raise StoreError(
                f"the database {self.path} was made by a newer coworkd (version {version}); update coworkd"
            )
        if version < VERSION:
            # sqlite-utils costs 100 ms to import; a database that is up to date does not pay it.
            from coworkd.store.schema import migrate

            migrate(self.connection)

    def _check(self) -> None:
        (verdict,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            self.connection.close()
            raise StoreDamagedError(f"the database {self.path} is damaged: {verdict}")

    def close(self) -> None:
        self.connection.close()

    @contextlib.contextmanager
    def write(self, *, durable: bool = False) -> Generator[None]:
        """A transaction; nested ones join the outermost. `durable` survives power loss, not only a crash."""
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        self.connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        self.connection.execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            # A full disk ends the transaction by itself.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise
        finally:
            self._depth = 0

    # ---- reading

    def all(self, record: type[Row], where: str = "", *values: Column) -> list[Row]:
        """Every row of the record's table that matches `where` (everything after WHERE, or an ORDER BY)."""
        return [_loader(record)(row) for row in self.connection.execute(_select(record, where), values)]

    def one(self, record: type[Row], where: str, *values: Column) -> Row | None:
        row = self.connection.execute(_select(record, where) + " LIMIT 1", values).fetchone()
        return None if row is None else _loader(record)(row)

    def query(self, sql: str, *values: Column) -> list[Cells]:
        return self.connection.execute(sql, values).fetchall()

    def scalar(self, sql: str, *values: Column) -> Any:
        row = self.connection.execute(sql, values).fetchone()
        return None if row is None else row[0]

    # ---- writing

    def put(self, record: object) -> None:
        """Insert the record, or replace the row with its key."""
        columns = _columns(type(record))
        marks = ", ".join("?" * len(columns))
        self.connection.execute(
            f"INSERT OR REPLACE INTO {_table(type(record))} ({', '.join(columns)}) VALUES ({marks})",
            [_plain(getattr(record, name)) for name in columns],
        )

    def set(self, record: type[Any], key: str | tuple[Column, ...], **columns: Column | Enum | bool) -> None:
        """Change some columns of the one row with this primary key."""
        keys = _KEYS[_table(record)]
        values = key if isinstance(key, tuple) else (key,)
        self.connection.execute(
            f"UPDATE {_table(record)} SET {', '.join(f'{name} = ?' for name in columns)}"
            f" WHERE {' AND '.join(f'{name} = ?' for name in keys)}",
            [*map(_plain, columns.values()), *values],
        )

    def execute(self, sql: str, *values: Column) -> int:
        """Run one statement; returns how many rows it changed."""
        return self.connection.execute(sql, values).rowcount

    def event(self, at: float, kind: str, *, task: str = "", actor: str = "daemon", **data: object) -> None:
        """Append to the journal of changes, in the transaction of the change."""
        self.connection.execute(
            "INSERT INTO events (at, actor, kind, task, data) VALUES (?, ?, ?, ?, ?)",
            (at, actor, kind, task, json.dumps(data, ensure_ascii=False, default=str)),
        )

    def setting(self, key: str) -> str:
        return self.scalar("SELECT value FROM meta WHERE key = ?", key) or ""

    def remember(self, key: str, value: str) -> None:
        self.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, value)


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


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _table(record: type[Any]) -> str:
    return record.__name__.removesuffix("Row").lower() + "s"


def _columns(record: type[Any]) -> list[str]:
    return [item.name for item in dataclasses.fields(record)]


def _select(record: type[Any], where: str) -> str:
    clause = f" WHERE {where}" if where and not where.startswith("ORDER") else f" {where}"
    return f"SELECT {', '.join(_columns(record))} FROM {_table(record)}{clause}"


def _plain(value: Any) -> Column:
    if isinstance(value, Enum):
        return str(value.value)
    return int(value) if isinstance(value, bool) else value


_LOADERS: dict[type[Any], Callable[[sqlite3.Row], Any]] = {}


def _loader(record: type[Row]) -> Callable[[sqlite3.Row], Row]:
    """Turns a row into the record, giving enums and booleans their types back; made once per record."""
    made = _LOADERS.get(record)
    if made is None:
        hints = typing.get_type_hints(record)
        converters = [(name, _converter(hints[name])) for name in _columns(record)]

        def load(row: sqlite3.Row) -> Any:
            return record(**{name: convert(row[name]) for name, convert in converters})

        made = _LOADERS[record] = load
    return made


def _converter(hint: Any) -> Callable[[Any], Any]:
    if isinstance(hint, type) and (issubclass(hint, Enum) or hint is bool):
        return hint
    if isinstance(hint, types.UnionType) or hint in (str, int, bytes):
        return _same
    return float if hint is float else _same


def _same(value: Any) -> Any:
    return value
