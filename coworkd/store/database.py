"""Opening, migrating, reading and writing."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from coworkd.core.errors import StoreDamagedError, StoreError
from coworkd.core.event_kinds import EventKind
from coworkd.store.database_files import DatabaseFiles
from coworkd.store.epoch_file import EpochFile
from coworkd.store.faults import is_damage, raise_fault
from coworkd.store.kept_answers import KeptAnswers
from coworkd.store.row_mapping import Column, inserter, loaded, loader, select_statement, updater
from coworkd.store.workspace_state import WorkspaceState

Row = TypeVar("Row")
Cells: TypeAlias = sqlite3.Row
"""A row that a query found, by the names of its columns."""

VERSION = 37
"""The version of the tables that this code reads and writes."""


class NestedWriteError(Exception):
    """A durable write stands within one that is not: a fault of the program, put right where the outer one begins."""


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
        self._files: DatabaseFiles | None = None
        self._latest = 0
        """The last event, as `was_rewound` saw it."""
        self._depth = 0
        self._durable: bool | None = None
        self._gathered: dict[str, list[Sequence[Column]]] = {}
        self._after_commit: list[Callable[[], object]] = []
        self._answers = None if read_only else KeptAnswers(self._executed)
        """None: others write, at any time."""
        self._version = 0
        """Of the database, as `look_for_other_writers` found it."""
        self.state = WorkspaceState(self)
        self._epoch = EpochFile(Path(path).with_name("epoch"))
        self._advanced = 0
        self.restored = False
        """Whether this is an older copy of the database: something was decided that it does not know of."""
        if not read_only:
            self._prepare()
            self._files = DatabaseFiles(self.path)
            with contextlib.ExitStack() as failed:
                failed.callback(self.close)
                self._compare_epochs()
                failed.pop_all()

    def was_replaced(self) -> bool:
        """Whether a file of it was deleted, replaced or written over by another program since the last call."""
        return self._files is not None and self._files.were_replaced()

    def was_rewound(self) -> bool:
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
            # A statement that may have to be undone would otherwise open a file of its own, where the disk may be full.
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
        if self._files is not None:
            self._files.close()

    @contextlib.contextmanager
    def snapshot(self) -> Generator[None]:
        """Everything that is read within this context is of one moment, whatever others write meanwhile."""
        self._executed("BEGIN")
        try:
            yield
        finally:
            if self.connection.in_transaction:
                self.connection.rollback()

    @contextlib.contextmanager
    def write(self, *, durable: bool = False) -> Generator[None]:
        """A transaction; nested ones join the outermost. `durable` survives power loss, not only a crash.

        Raises `NestedWriteError` for a durable write within one that is not: the outermost decides how it is committed,
        so a power loss could undo what the inner one has promised.
        """
        if self._depth:
            if durable and not self._durable:
                raise NestedWriteError
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
            self.look_for_other_writers()
            yield
            self._run_gathered()
            self._executed("COMMIT")
            self._keep_epoch()
        except BaseException:
            # Also an interrupt, or the end of the program: an open transaction would hold the lock of the file.
            self._gathered.clear()
            self._after_commit.clear()
            self.forget_answers()
            # A full disk ends the transaction by itself.
            if self.connection.in_transaction:
                self._executed("ROLLBACK")
            raise
        finally:
            self._depth = 0
        actions, self._after_commit = self._after_commit, []
        for action in actions:
            action()

    @property
    def in_transaction(self) -> bool:
        return self._depth > 0

    def after_commit(self, action: Callable[[], object]) -> None:
        """Do this once the transaction under way is committed, and never if it is not; at once outside of one.

        For what cannot be undone: a job or a run that starts must not be ahead of the rows that it follows from.
        """
        if self._depth:
            self._after_commit.append(action)
        else:
            action()

    @contextlib.contextmanager
    def savepoint(self) -> Generator[None]:
        """A part of a transaction that is undone alone when it raises; earlier statements stay."""
        self.execute("SAVEPOINT part")
        actions = len(self._after_commit)
        try:
            yield
        except BaseException:
            # Also an interrupt: the transaction around it may be committed by the code that handles that.
            self._gathered.clear()
            del self._after_commit[actions:]
            self.forget_answers()
            if self.connection.in_transaction:
                self._executed("ROLLBACK TO part")
                self._executed("RELEASE part")
            raise
        self.execute("RELEASE part")

    # ---- what no older copy may take back

    def bump_epoch(self) -> None:
        """Something was decided, in the transaction under way, that a restored backup must not undo.

        The count is kept beside the database too, before anything can follow from the decision.
        """
        self._advanced = self.state.epoch + 1
        self.state.epoch = self._advanced

    def _keep_epoch(self) -> None:
        if self._advanced:
            self._epoch.write(self._advanced)
            self._advanced = 0

    def _compare_epochs(self) -> None:
        kept, known = self._epoch.read(), self.state.epoch
        if kept > known:
            self.restored = True
            with self.write():
                self.state.epoch = kept
        elif kept < known:
            # Committed, and then the disk was too full for the count beside it.
            self._epoch.write(known)

    # ---- reading

    def all(self, record: type[Row], where: str = "", *values: Column) -> list[Row]:
        """Every row of the record's table that matches `where` (everything after WHERE, or an ORDER BY)."""
        return list(self._answer(select_statement(record, where), values, loaded(record)))

    def one(self, record: type[Row], where: str, *values: Column) -> Row | None:
        found = self._answer(select_statement(record, where) + " LIMIT 1", values, loaded(record))
        return found[0] if found else None

    def query(self, sql: str, *values: Column) -> list[Cells]:
        return list(self._answer(sql, values, sqlite3.Cursor.fetchall))

    def query_in(self, sql: str, values: Collection[Column]) -> list[Cells]:
        """Like `query`, for a statement with one `IN (?)` that takes any number of values."""
        found: list[Cells] = []
        for some in _batches(list(values)):
            found += self.query(sql.replace("(?)", f"({', '.join('?' * len(some))})"), *some)
        return found

    def all_in(self, record: type[Row], column: str, values: Collection[Column]) -> list[Row]:
        """Every row of the record's table whose column has one of these values."""
        load = loader(record)
        return [load(row) for row in self.query_in(select_statement(record, f"{column} IN (?)"), values)]

    def scalar(self, sql: str, *values: Column) -> Any:
        found = self._answer(sql, values, _first_cell)
        return found[0] if found else None

    def _answer(self, sql: str, values: tuple[Column, ...], read: Callable[[sqlite3.Cursor], list[Any]]) -> list[Any]:
        """What a query finds, in the form that `read` gives it; the list is not to be changed."""
        kept, question = self._answers, (sql, values, read)
        if kept is not None and not self._gathered and (known := kept.find(question)) is not None:
            return known
        try:
            answer = read(self._run(sql, values))
        except sqlite3.Error as error:
            raise_fault(error, self.path)
            raise
        if kept is not None:
            kept.keep(question, sql, answer)
        return answer

    def look_for_other_writers(self) -> int:
        """Forget what was answered before another connection wrote; every transaction begins with that as well.

        Returns a number that is another one after each such write.
        """
        version: int = self._executed("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._version = version
            self.forget_answers()
        return version

    def forget_answers(self) -> None:
        """Ask again for everything that is wanted next."""
        if self._answers is not None:
            self._answers.forget()

    @property
    def changes(self) -> int:
        """Grows with every change that was made through this connection: while it stands still, so do all answers."""
        return self.connection.total_changes

    # ---- writing

    def put(self, record: object) -> None:
        """Insert the record, or replace the row with its key."""
        statement, cells = inserter(type(record))
        self.insert_batched(statement, *cells(record))

    def insert_batched(self, sql: str, *values: Column) -> None:
        """Run an INSERT. Within a transaction equal ones are gathered and run together, before anything else is."""
        if not self._depth:
            self._run(sql, values)
        elif sql in self._gathered:
            self._gathered[sql].append(values)
        else:
            self._gathered[sql] = [values]

    def _run_gathered(self) -> None:
        """Run what was gathered."""
        gathered, self._gathered = self._gathered, {}
        try:
            for sql, rows in gathered.items():
                if self._answers is not None:
                    self._answers.note_statement(sql)
                self.connection.executemany(sql, rows)
        except sqlite3.Error as error:
            raise_fault(error, self.path)
            raise

    def _run(self, sql: str, values: Sequence[Column]) -> sqlite3.Cursor:
        if self._gathered:
            self._run_gathered()
        if self._answers is not None:
            self._answers.note_statement(sql)
        return self._executed(sql, values)

    def _executed(self, sql: str, values: Sequence[Column] = ()) -> sqlite3.Cursor:
        """Run one statement; a fault of the machine comes out as `MachineFaultError`."""
        try:
            return self.connection.execute(sql, values)
        except sqlite3.Error as error:
            raise_fault(error, self.path)
            raise

    def set(self, record: type[Any], key: str | tuple[Column, ...], **fields: object) -> None:
        """Change some fields of the one row with this primary key."""
        keys = key if isinstance(key, tuple) else (key,)
        statement, cells = updater(record, tuple(fields))
        self._run(statement, [*cells(tuple(fields.values())), *keys])

    def execute(self, sql: str, *values: Column) -> int:
        """Run one statement; returns how many rows it changed."""
        return self._run(sql, values).rowcount

    def event(self, at: float, kind: EventKind, *, task: str = "", actor: str = "daemon", **data: object) -> None:
        """Append to the event log, in the transaction of the change."""
        self.insert_batched(
            "INSERT INTO events (at, actor, kind, task, data) VALUES (?, ?, ?, ?, ?)",
            at, actor, kind, task, json.dumps(data, ensure_ascii=False, default=str),
        )  # fmt: skip

    def setting(self, key: str) -> str:
        return self.scalar("SELECT value FROM meta WHERE key = ?", key) or ""

    def set_state(self, key: str, value: str) -> None:
        self.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, value)


def _first_cell(cursor: sqlite3.Cursor) -> list[Any]:
    row = cursor.fetchone()
    return [] if row is None else [row[0]]


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


_MAX_VALUES = 500
"""Values that one statement is given."""


def _batches(values: list[Column]) -> Iterator[list[Column]]:
    return (values[start : start + _MAX_VALUES] for start in range(0, len(values), _MAX_VALUES))
