from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import typing
from enum import Enum
from pathlib import Path
from types import UnionType

import pytest
import sqlite_utils

from coworkd.core.errors import StoreDamagedError, StoreError
from coworkd.core.event_kinds import EventKind
from coworkd.core.machine_faults import FaultKind, MachineFaultError
from coworkd.daemon.database_recovery import open_database
from coworkd.store import (
    Database,
    DocumentRow,
    EventRow,
    MessageRow,
    RequestRow,
    RunRow,
    SubmissionRow,
    TaskRow,
)
from coworkd.store.database import VERSION, NestedWriteError
from coworkd.store.migrations import MIGRATIONS
from coworkd.store.own_bytes import ANYWHERE, own_paths
from coworkd.store.row_mapping import SqlName, columns_of, field_columns
from coworkd.system.paths_and_settings import Paths

RECORDS: list[type[object]] = [DocumentRow, TaskRow, RunRow, RequestRow, MessageRow, SubmissionRow, EventRow]


@pytest.fixture
def db(tmp_path: Path) -> Database:
    return Database(tmp_path / "state.db")


def table(record: type[object]) -> str:
    return record.__name__.removesuffix("Row").lower() + "s"


def example(record: type[object], number: int) -> object:
    """A record with a telling value in every field."""

    def value(name: str, hint: object) -> object:
        if dataclasses.is_dataclass(hint):
            return example(typing.cast("type[object]", hint), number)
        if typing.get_origin(hint) is UnionType or isinstance(hint, UnionType):
            choices = typing.get_args(hint)
            if all(map(dataclasses.is_dataclass, choices)):
                return value(name, choices[number])
            return value(name, choices[0]) if number else None
        assert isinstance(hint, type)
        if issubclass(hint, Enum):
            return list(hint)[number % len(hint)]
        made = {str: f"{name}-\u00e9\n'{number}", bytes: b"\x00\xff" * number, bool: bool(number), int: number}
        return 0.1 + number if hint is float else made[hint]

    hints = typing.get_type_hints(record)
    names = [item.name for item in dataclasses.fields(typing.cast("typing.Any", record))]
    return record(**{name: value(name, hints[name]) for name in names})


def test_columns_and_fields_are_the_same(db: Database) -> None:
    for record in RECORDS:
        columns = [row["name"] for row in db.query(f"PRAGMA table_info({table(record)})")]
        assert sorted(columns) == sorted(columns_of(record)), record.__name__
        assert list(field_columns(record)) == list(typing.get_type_hints(record)), record.__name__


def test_a_field_may_have_another_name_than_its_column(db: Database) -> None:
    @dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
    class CooldownRow:
        account: str
        until: float
        occurrences: typing.Annotated[int, SqlName("times")]
        kind: str
        reason: str
        since: float

    with db.write():
        db.put(CooldownRow(account="a", until=1.0, occurrences=1, kind="", reason="", since=0.0))
        db.set(CooldownRow, "a", occurrences=2)
    (read,) = db.all(CooldownRow)
    assert (read.occurrences, db.scalar("SELECT times FROM cooldowns")) == (2, 2)
    with pytest.raises(KeyError):
        db.set(CooldownRow, "a", times=3)


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_record_comes_back_as_it_was(db: Database, record: type[object], number: int) -> None:
    made = example(record, number)
    with db.write():
        db.put(made)
    (read,) = db.all(record)
    assert read == made
    for name in typing.get_type_hints(record):
        assert type(getattr(read, name)) is type(getattr(made, name)), name


def test_putting_a_record_again_replaces_it(db: Database) -> None:
    first = example(TaskRow, 1)
    assert isinstance(first, TaskRow)
    for title in ("one", "two"):
        with db.write():
            db.put(dataclasses.replace(first, title=title))
    assert [row.title for row in db.all(TaskRow)] == ["two"]


def test_single_columns_are_set_by_key(db: Database) -> None:
    for number in (1, 2):
        row = example(SubmissionRow, number)
        with db.write():
            db.put(row)
    with db.write():
        db.set(SubmissionRow, ("task-\u00e9\n'1", 1), approved=True, message="now")
    assert {row.number: (row.approved, row.message) for row in db.all(SubmissionRow)} == {
        1: (True, "now"),
        2: (True, "message-\u00e9\n'2"),
    }


def test_what_fails_changes_nothing(db: Database) -> None:
    def fail() -> None:
        with db.write():
            db.set_state("a", "1")
            with db.write():
                db.event(1.0, EventKind.NOTE_SAVED)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert db.setting("a") == ""
    assert db.all(EventRow) == []
    with db.write():
        db.set_state("a", "2")
    assert db.setting("a") == "2"


def test_a_durable_write_within_one_that_is_not_is_refused(db: Database) -> None:
    def nest() -> None:
        with db.write():
            db.set_state("a", "1")
            with db.write(durable=True):
                db.set_state("b", "1")

    with pytest.raises(NestedWriteError):
        nest()
    assert db.setting("a") == ""
    with db.write(durable=True), db.write(durable=True), db.write():
        db.set_state("a", "2")
    assert db.setting("a") == "2"


def test_what_follows_from_a_commit_comes_after_it(db: Database, tmp_path: Path) -> None:
    seen: list[tuple[str, bool]] = []
    reader = Database(tmp_path / "state.db", read_only=True)

    def follow() -> None:
        seen.append((reader.setting("a"), db.in_transaction))

    with db.write():
        with db.write():
            db.after_commit(follow)
        db.set_state("a", "1")
        assert seen == []
    assert seen == [("1", False)]
    with contextlib.suppress(KeyError), db.write():
        db.after_commit(follow)
        raise KeyError
    with db.write(), contextlib.suppress(KeyError), db.savepoint():
        db.after_commit(follow)
        raise KeyError
    assert len(seen) == 1, "what was undone is followed by nothing"
    db.after_commit(follow)
    assert len(seen) == 2


def test_a_nested_write_lands_with_the_outermost(db: Database, tmp_path: Path) -> None:
    reader = Database(tmp_path / "state.db", read_only=True)
    with db.write(durable=True):
        with db.write():
            db.set_state("a", "1")
        assert reader.setting("a") == ""
    assert reader.setting("a") == "1"


def test_a_commit_that_fails_ends_its_transaction(db: Database) -> None:
    db.execute("CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)")
    db.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    db.execute("PRAGMA foreign_keys = ON")
    with pytest.raises(sqlite3.IntegrityError), db.write():
        db.execute("INSERT INTO child VALUES (1)")
    with db.write():
        db.set_state("a", "1")
    assert db.setting("a") == "1"
    assert db.scalar("SELECT count(*) FROM child") == 0


@pytest.mark.parametrize("durable", [False, True])
def test_an_empty_write_changes_no_byte(db: Database, tmp_path: Path, durable: bool) -> None:
    db.query("PRAGMA wal_checkpoint(TRUNCATE)")
    with db.write(durable=durable):
        pass
    assert (tmp_path / "state.db-wal").stat().st_size == 0


def test_a_reader_cannot_write_and_needs_a_database(db: Database, tmp_path: Path) -> None:
    reader = Database(tmp_path / "state.db", read_only=True)
    with pytest.raises(MachineFaultError) as refused:
        reader.set_state("a", "1")
    assert refused.value.fault.kind is FaultKind.READ_ONLY
    with pytest.raises(MachineFaultError) as absent:
        Database(tmp_path / "none.db", read_only=True)
    assert absent.value.fault.kind is FaultKind.MISSING


def test_odd_names_of_folders(tmp_path: Path) -> None:
    folder = tmp_path / "50% off? #1"
    folder.mkdir()
    with Database(folder / "state.db").write():
        pass
    assert Database(folder / "state.db", read_only=True).setting("x") == ""


def test_every_version_has_a_step() -> None:
    assert len(MIGRATIONS) == VERSION


def test_bytes_that_were_typed_here_get_their_path_from_what_is_remembered(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    old = sqlite_utils.Database(connection)
    for step in MIGRATIONS[:16]:
        step(old)
    connection.execute("PRAGMA user_version = 16")
    connection.execute("INSERT INTO own_bytes (sha) VALUES ('known'), ('written'), ('lost')")
    connection.execute("INSERT INTO bases (path, rev, who, sha) VALUES ('tasks/a.md', -1, 'person', 'known')")
    connection.execute("INSERT INTO documents (path, file_sha) VALUES ('tasks/b.md', 'written')")
    connection.close()
    db = Database(tmp_path / "state.db")
    found = own_paths(db, ["known", "written", "lost"])
    assert found == {"known": {"tasks/a.md"}, "written": {"tasks/b.md"}, "lost": {ANYWHERE}}


def test_a_reader_of_other_tables_says_what_to_type(db: Database, tmp_path: Path) -> None:
    db.require_version()
    db.execute(f"PRAGMA user_version = {VERSION - 1}")
    with pytest.raises(StoreError, match=r"another version of coworkd.*`coworkd down`, then `coworkd up`"):
        db.require_version()


def test_a_newer_database_is_refused_and_left_alone(db: Database, tmp_path: Path) -> None:
    db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    before = (tmp_path / "state.db").read_bytes()
    with pytest.raises(StoreError, match="update coworkd") as refused:
        open_database(paths(tmp_path))
    assert not isinstance(refused.value, StoreDamagedError)
    assert (tmp_path / "state.db").read_bytes() == before


def paths(folder: Path) -> Paths:
    return Paths(root=folder, private=folder, state=folder / "state")


@pytest.mark.parametrize("damage", ["header", "middle"])
def test_a_damaged_database_is_set_aside_and_made_again(tmp_path: Path, damage: str) -> None:
    db = Database(tmp_path / "state.db")
    with db.write():
        for number in range(500):
            db.event(float(number), EventKind.NOTE_SAVED, note="y" * 50)
    db.query("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    broken = bytearray((tmp_path / "state.db").read_bytes())
    at = 0 if damage == "header" else len(broken) // 2
    broken[at : at + 4096] = b"\xff" * 4096
    (tmp_path / "state.db").write_bytes(broken)
    with pytest.raises(StoreDamagedError):
        Database(tmp_path / "state.db")
    fresh = open_database(paths(tmp_path))
    assert fresh.all(EventRow) == []
    assert (tmp_path / "damaged-1.db").read_bytes() == bytes(broken)


def test_a_locked_database_is_not_taken_for_a_damaged_one(tmp_path: Path) -> None:
    """A fresh file that another process holds: whatever is in it must not be set aside."""
    holder = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(MachineFaultError) as refused:
        Database(tmp_path / "state.db", patience=0.0)
    assert refused.value.fault.kind is FaultKind.DATABASE_LOCKED
    assert not (tmp_path / "damaged-1.db").exists()


def test_what_was_gathered_is_there_for_whoever_asks(db: Database) -> None:
    with db.write():
        db.put(example(TaskRow, 1))
        db.event(1.0, EventKind.FILE_SAVED)
        assert db.scalar("SELECT count(*) FROM tasks") == 1
        db.put(example(TaskRow, 2))
        db.execute("DELETE FROM tasks")
        db.put(example(TaskRow, 3))
    assert [row.id for row in db.all(TaskRow)] == [example(TaskRow, 3).id]  # type: ignore[attr-defined]
    assert db.scalar("SELECT count(*) FROM events") == 1


def failing(db: Database) -> None:
    db.event(2.0, EventKind.FILE_SAVED)
    raise ZeroDivisionError


def test_a_part_that_fails_takes_only_itself_back(db: Database) -> None:
    with db.write():
        db.event(1.0, EventKind.VERIFYING)
        with pytest.raises(ZeroDivisionError), db.savepoint():
            failing(db)
        with db.savepoint():
            db.event(3.0, EventKind.LANDED)
    assert [row["kind"] for row in db.query("SELECT kind FROM events ORDER BY id")] == ["verifying", "landed"]


def test_a_transaction_that_fails_leaves_nothing_for_the_next(db: Database) -> None:
    with pytest.raises(ZeroDivisionError), db.write():
        failing(db)
    with db.write():
        db.event(2.0, EventKind.COMMITTED)
    assert [row["kind"] for row in db.query("SELECT kind FROM events")] == ["committed"]


def test_any_number_of_values_can_be_asked_for(db: Database) -> None:
    with db.write():
        for number in range(1300):
            db.insert_batched("INSERT INTO own_bytes (sha) VALUES (?)", str(number))
    found = db.query_in("SELECT sha FROM own_bytes WHERE sha IN (?)", {str(number) for number in range(200, 5000)})
    assert {row["sha"] for row in found} == {str(number) for number in range(200, 1300)}
    assert db.query_in("SELECT sha FROM own_bytes WHERE sha IN (?)", []) == []


def test_a_snapshot_is_of_one_moment(tmp_path: Path) -> None:
    db, reader = Database(tmp_path / "state.db"), Database(tmp_path / "state.db", read_only=True)
    with db.write():
        db.state.polling_reason = "before"
    with reader.snapshot():
        assert reader.state.polling_reason == "before"
        with db.write():
            db.state.polling_reason = "after"
        assert reader.state.polling_reason == "before"
    assert reader.state.polling_reason == "after"
    reader.close()
    db.close()
