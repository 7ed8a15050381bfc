"""Opening, migrating, reading and writing."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import operator
import os
import sqlite3
import types
import typing
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from coworkd.core.errors import StoreDamagedError, StoreError
from coworkd.store.faults import is_damage, raise_fault

Row = TypeVar("Row")
Cells: TypeAlias = sqlite3.Row
"""A row that a query found, by the names of its columns."""
Column = str | int | float | bytes | None

VERSION = 17
"""The version of the tables that this code reads and writes."""


class Database:
    """One connection. `write` is the only way in, and everything within one `write` lands together or not at all."""

    def __init__(self, path: Path | str, *, read_only: bool = False, patience: float = 10.0) -> None:
        """`patience`: seconds to wait for another process that holds the database."""
        self.path = str(path)
        uri = f"file:{_quoted(self.path)}?mode=ro" if read_only else self.path
        try:
            self.connection = sqlite3.connect(
                uri, uri=read_only, isolation_level=None, check_same_thread=False, timeout=patience
            )
        except sqlite3.Error as error:
            raise_fault(error, self.path)
            raise
        self.connection.row_factory = sqlite3.Row
        self._file: tuple[int, int] | None = None
        self._latest = 0
        """The last event, as `went_back` saw it."""
        self._depth = 0
        self._durable: bool | None = None
        self._gathered: dict[str, list[Sequence[Column]]] = {}
        self._epoch = Path(path).with_name("epoch")
        self._advanced = 0
        self.restored = False
        """Whether this is an older copy of the database: something was decided that it does not know of."""
        if not read_only:
            self._prepare()
            self._file = _identity(self.path)
            with contextlib.ExitStack() as failed:
                failed.callback(self.close)
                self._compare_epochs()
                failed.pop_all()

    @property
    def moved(self) -> bool:
        """Whether the file that was opened no longer stands at its path: it was deleted, replaced or written over."""
        return self._file is not None and (_identity(self.path) != self._file or not _is_database(self.path))

    def went_back(self) -> bool:
        """Whether it knows of less than at the last call: its file was overwritten in place by an older copy."""
        latest = int(self.scalar("SELECT seq FROM sqlite_sequence WHERE name = 'events'") or 0)
        before, self._latest = self._latest, latest
        return latest < before

    def _prepare(self) -> None:
        try:
            self.connection.execute("PRAGMA journal_mode=WAL")
            self.connection.execute("PRAGMA synchronous=NORMAL")
            # 16 MB: the first look at a large workspace is not held up by a sync every few files.
            self.connection.execute("PRAGMA wal_autocheckpoint=4000")
            self.connection.execute("PRAGMA foreign_keys=OFF")
            # A statement that may have to be undone would otherwise open a file of its own, where there may be no room.
            self.connection.execute("PRAGMA temp_store=MEMORY")
            self._check()
            self._migrate()
        except sqlite3.DatabaseError as error:
            self.connection.close()
            if is_damage(error):
                raise StoreDamagedError(f"the database {self.path} cannot be used: {error}") from error
            raise_fault(error, self.path)
            raise

    def _migrate(self) -> None:
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            self.connection.close()
            raise StoreError(
                f"the database {self.path} was made by a newer coworkd (version {version}); update coworkd"
            )
        if version < VERSION:
            # sqlite-utils costs 100 ms to import; a database that is up to date does not pay it.
            from coworkd.store.migrations import migrate

            migrate(self.connection)

    def _check(self) -> None:
        (verdict,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            self.connection.close()
            raise StoreDamagedError(f"the database {self.path} is damaged: {verdict}")

    def require_version(self) -> None:
        """Raises `StoreError` where the tables are not those of this code, as beside a daemon from before an update."""
        version = self.scalar("PRAGMA user_version")
        if version not in (0, VERSION):  # without any tables yet it is being made at this moment
            raise StoreError(
                f"the running daemon is another version of coworkd: its database is of version {version}, and this"
                f" command works with {VERSION}; type `coworkd down`, then `coworkd up`"
            )

    def verify(self) -> None:
        """Read all of it. Raises `StoreError` where that is not possible, or the tables are older than this code."""
        try:
            (version,) = self.connection.execute("PRAGMA user_version").fetchone()
            (verdict,) = self.connection.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            raise StoreDamagedError(f"cannot be read: {error}") from error
        if verdict != "ok":
            raise StoreDamagedError(f"is damaged: {verdict}")
        if version != VERSION:
            raise StoreError(f"is of version {version}, and this coworkd works with {VERSION}")

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
        if durable is not self._durable:
            self._executed(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        self._executed("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
            self._deliver()
            self._executed("COMMIT")
            self._keep_epoch()
        except BaseException:
            self._gathered.clear()
            # A full disk ends the transaction by itself.
            if self.connection.in_transaction:
                self._executed("ROLLBACK")
            raise
        finally:
            self._depth = 0

    @contextlib.contextmanager
    def part(self) -> Generator[None]:
        """A part of a transaction that is undone by itself when it raises; what came before it stays."""
        self.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._gathered.clear()
            if self.connection.in_transaction:
                self._executed("ROLLBACK TO part")
                self._executed("RELEASE part")
            raise
        self.execute("RELEASE part")

    # ---- what no older copy may take back

    def advance(self) -> None:
        """Something was decided, in the transaction under way, that a restored backup must not undo.

        The count is kept beside the database too, before anything can follow from the decision.
        """
        self._advanced = int(self.setting("epoch") or 0) + 1
        self.remember("epoch", str(self._advanced))

    def _keep_epoch(self) -> None:
        if self._advanced:
            write_durably(self._epoch, f"{self._advanced}\n".encode())
            self._advanced = 0

    def _compare_epochs(self) -> None:
        kept, known = _number(self._epoch), int(self.setting("epoch") or 0)
        if kept > known:
            self.restored = True
            with self.write():
                self.remember("epoch", str(kept))
        elif kept < known:
            # Committed, and then there was no room for the count beside it.
            write_durably(self._epoch, f"{known}\n".encode())

    # ---- reading

    def all(self, record: type[Row], where: str = "", *values: Column) -> list[Row]:
        """Every row of the record's table that matches `where` (everything after WHERE, or an ORDER BY)."""
        load = _loader(record)
        return [load(row) for row in self._fetch(_select(record, where), values)]

    def one(self, record: type[Row], where: str, *values: Column) -> Row | None:
        found = self._fetch(_select(record, where) + " LIMIT 1", values)
        return _loader(record)(found[0]) if found else None

    def query(self, sql: str, *values: Column) -> list[Cells]:
        return self._fetch(sql, values)

    def among(self, sql: str, values: Collection[Column]) -> list[Cells]:
        """Like `query`, for a statement with one `IN (?)` that takes any number of values."""
        found: list[Cells] = []
        for some in _portions(list(values)):
            found += self._fetch(sql.replace("(?)", f"({', '.join('?' * len(some))})"), some)
        return found

    def all_among(self, record: type[Row], column: str, values: Collection[Column]) -> list[Row]:
        """Every row of the record's table whose column has one of these values."""
        load = _loader(record)
        return [load(row) for row in self.among(_select(record, f"{column} IN (?)"), values)]

    def scalar(self, sql: str, *values: Column) -> Any:
        try:
            row = self._run(sql, values).fetchone()
        except sqlite3.Error as error:
            raise_fault(error, self.path)
            raise
        return None if row is None else row[0]

    @property
    def changes(self) -> int:
        """Grows with every change that was made through this connection: while it stands still, so do all answers."""
        return self.connection.total_changes

    # ---- writing

    def put(self, record: object) -> None:
        """Insert the record, or replace the row with its key."""
        statement, cells = _inserter(type(record))
        self.add(statement, *cells(record))

    def add(self, sql: str, *values: Column) -> None:
        """Run an INSERT. Within a transaction equal ones are gathered and run together, before anything else is."""
        if not self._depth:
            self._executed(sql, values)
        elif sql in self._gathered:
            self._gathered[sql].append(values)
        else:
            self._gathered[sql] = [values]

    def _deliver(self) -> None:
        """Run what was gathered."""
        gathered, self._gathered = self._gathered, {}
        try:
            for sql, rows in gathered.items():
                self.connection.executemany(sql, rows)
        except sqlite3.Error as error:
            raise_fault(error, self.path)
            raise

    def _run(self, sql: str, values: Sequence[Column]) -> sqlite3.Cursor:
        if self._gathered:
            self._deliver()
        return self._executed(sql, values)

    def _fetch(self, sql: str, values: Sequence[Column]) -> list[Cells]:
        try:
            return self._run(sql, values).fetchall()
        except sqlite3.Error as error:
            raise_fault(error, self.path)
            raise

    def _executed(self, sql: str, values: Sequence[Column] = ()) -> sqlite3.Cursor:
        """Run one statement; a fault of the machine comes out as `MachineFaultError`."""
        try:
            return self.connection.execute(sql, values)
        except sqlite3.Error as error:
            raise_fault(error, self.path)
            raise

    def set(self, record: type[Any], key: str | tuple[Column, ...], **columns: Column | Enum | bool) -> None:
        """Change some columns of the one row with this primary key."""
        keys = _KEYS[_table(record)]
        values = key if isinstance(key, tuple) else (key,)
        self._run(
            f"UPDATE {_table(record)} SET {', '.join(f'{name} = ?' for name in columns)}"
            f" WHERE {' AND '.join(f'{name} = ?' for name in keys)}",
            [*map(_plain, columns.values()), *values],
        )

    def execute(self, sql: str, *values: Column) -> int:
        """Run one statement; returns how many rows it changed."""
        return self._run(sql, values).rowcount

    def event(self, at: float, kind: str, *, task: str = "", actor: str = "daemon", **data: object) -> None:
        """Append to the journal of changes, in the transaction of the change."""
        self.add(
            "INSERT INTO events (at, actor, kind, task, data) VALUES (?, ?, ?, ?, ?)",
            at, actor, kind, task, json.dumps(data, ensure_ascii=False, default=str),
        )  # fmt: skip

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


def write_durably(path: Path, data: bytes) -> None:
    """Replace a small file in one step that survives power loss."""
    temporary = path.with_name(f".{path.name}~")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_database(path: str) -> bool:
    """Whether the file begins as one of SQLite does: what is in its cache would hide that for long."""
    try:
        with open(path, "rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except OSError:
        return True  # too many open files say nothing about this one


_HEADER = b"SQLite format 3\0"


def _number(path: Path) -> int:
    try:
        return int(path.read_bytes()[:20])
    except (OSError, ValueError):
        return 0


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _table(record: type[Any]) -> str:
    return record.__name__.removesuffix("Row").lower() + "s"


_AT_ONCE = 500
"""Values that one statement is given."""


def _portions(values: list[Column]) -> Iterator[list[Column]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))


@functools.cache
def _columns(record: type[Any]) -> tuple[str, ...]:
    return tuple(item.name for item in dataclasses.fields(record))


def _select(record: type[Any], where: str) -> str:
    clause = f" WHERE {where}" if where and not where.startswith("ORDER") else f" {where}"
    return f"SELECT {', '.join(_columns(record))} FROM {_table(record)}{clause}"


def _plain(value: Any) -> Column:
    if isinstance(value, Enum):
        return str(value.value)
    return int(value) if isinstance(value, bool) else value


@functools.cache
def _loader(record: type[Row]) -> Callable[[sqlite3.Row], Row]:
    """Turns a row into the record, giving enums and booleans their types back; made once per record."""
    hints = typing.get_type_hints(record)
    converters = [(name, _converter(hints[name])) for name in _columns(record)]
    typed = [(name, convert) for name, convert in converters if convert is not _same]

    def load(row: sqlite3.Row) -> Any:
        cells = dict(zip(_columns(record), row, strict=True))
        for name, convert in typed:
            cells[name] = convert(cells[name])
        return record(**cells)

    return load


@functools.cache
def _inserter(record: type[Any]) -> tuple[str, Callable[[Any], Sequence[Column]]]:
    """The statement that puts a record, and what makes its values; made once per record."""
    columns = _columns(record)
    marks = ", ".join("?" * len(columns))
    cells = operator.attrgetter(*columns)
    hints = typing.get_type_hints(record)
    typed = [(at, plainer) for at, name in enumerate(columns) if (plainer := _plainer(hints[name])) is not None]

    def plain(one: Any) -> Sequence[Column]:
        values = list(cells(one))
        for at, plainer in typed:
            values[at] = plainer(values[at])
        return values

    return f"INSERT OR REPLACE INTO {_table(record)} ({', '.join(columns)}) VALUES ({marks})", plain


def _plainer(hint: Any) -> Callable[[Any], Column] | None:
    """What makes a field's value one that SQLite knows; None where it is one already."""
    if not isinstance(hint, type) or not issubclass(hint, (Enum, bool)):
        return None
    return int if hint is bool else _word


def _word(value: Enum) -> str:
    return str(value.value)


def _converter(hint: Any) -> Callable[[Any], Any]:
    if isinstance(hint, type) and (issubclass(hint, Enum) or hint is bool):
        return hint
    if isinstance(hint, types.UnionType) or hint in (str, int, bytes):
        return _same
    return float if hint is float else _same


def _same(value: Any) -> Any:
    return value
