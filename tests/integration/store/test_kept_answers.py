"""What the database has answered is kept only as long as it is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.store import Database, EventRow, TaskRow
from coworkd.store.kept_answers import MAX_ANSWERS, MAX_ROWS
from coworkd.store.task_changes import TaskChanges


@pytest.fixture
def db(tmp_path: Path) -> Database:
    return Database(tmp_path / "state.db")


def asked(db: Database) -> list[str]:
    """The statements that run from now on."""
    statements: list[str] = []
    db.connection.set_trace_callback(statements.append)
    return statements


def task(name: str) -> TaskRow:
    return TaskRow(
        id=name, path=f"tasks/{name}.md", title="", status=Status.DRAFT, reason="", since=1.0, agent="", priority=3.0,
        created=0.0, attempt=0, by="", landed="", failures=0, conflict_rounds=0, not_before=0.0, closed_by_hand=False,
        requested_status="", request_due_at=0.0, blocked_reason="", from_git=False, owned_elsewhere=False,
        file_missing=False, agent_used="", cost_usd=None, input_tokens=0, output_tokens=0, exact_id=True,
    )  # fmt: skip


class _UndoneError(Exception):
    pass


def _undone(db: Database) -> None:
    try:
        with db.write():
            _add_task(db)
            db.state.default_agent += "+"
            _look(db)
            raise _UndoneError
    except _UndoneError:
        pass


def _undone_part(db: Database) -> None:
    with db.write():
        _add_task(db)
        try:
            with db.savepoint():
                _add_task(db)
                _rename(db)
                _look(db)
                raise _UndoneError
        except _UndoneError:
            pass


def _add_task(db: Database) -> None:
    number = _truth(db, "SELECT count(*) FROM tasks")[0][0]
    db.put(task(f"t{number}"))


def _add_in_one_write(db: Database) -> None:
    with db.write():
        _add_task(db)
        _look(db)
        _add_task(db)
        db.event(1.0, EventKind.SHUTDOWN)


def _rename(db: Database) -> None:
    db.execute("UPDATE tasks SET title = title || '.' WHERE id = 't0'")


def _remove(db: Database) -> None:
    db.execute("DELETE FROM tasks WHERE id = (SELECT max(id) FROM tasks)")


def _returning(db: Database) -> None:
    db.query("DELETE FROM tasks WHERE id = (SELECT min(id) FROM tasks) RETURNING id")


def _take_changes(db: Database) -> None:
    db.execute("DELETE FROM changed_rows")


def _other_writer(db: Database) -> None:
    with_it = Database(db.path)
    _add_task(with_it)
    with_it.close()
    db.look_for_other_writers()


def _set_state(db: Database) -> None:
    db.state.default_agent += "x"


CHANGES: tuple[Callable[[Database], None], ...] = (
    _add_task, _add_in_one_write, _rename, _remove, _returning, _undone, _undone_part, _take_changes, _set_state,
    _other_writer,
)  # fmt: skip

QUESTIONS = (
    "SELECT count(*) FROM tasks",
    "SELECT id, title FROM tasks ORDER BY id",
    "SELECT count(*) FROM tasks t LEFT JOIN events e ON e.task = t.id",
    "SELECT value FROM meta WHERE key = 'default_agent'",
    "SELECT kind, id FROM changed_rows ORDER BY kind, id",
    "SELECT count(*) FROM events",
    "SELECT seq FROM sqlite_sequence WHERE name = 'events'",
)


def _truth(db: Database, sql: str) -> list[tuple[object, ...]]:
    """What the database holds, past everything that is kept."""
    return [tuple(row) for row in db.connection.execute(sql)]


def _look(db: Database) -> None:
    for sql in QUESTIONS:
        found = [tuple(row) for row in db.query(sql)]
        assert found == _truth(db, sql), sql
        assert db.scalar(sql) == (found[0][0] if found else None), sql
    titles = [(row.id, row.title) for row in db.all(TaskRow, "ORDER BY id")]
    assert titles == _truth(db, "SELECT id, title FROM tasks ORDER BY id")
    first = db.one(TaskRow, "id = ?", "t0")
    assert ([(first.title,)] if first else []) == _truth(db, "SELECT title FROM tasks WHERE id = 't0'")


@given(st.lists(st.sampled_from(CHANGES), max_size=12))
def test_an_answer_is_what_the_database_holds_after_any_changes(
    tmp_path_factory: pytest.TempPathFactory, changes: list[Callable[[Database], None]]
) -> None:
    db = Database(tmp_path_factory.mktemp("db") / "state.db")
    TaskChanges(db)  # its triggers write to a table that no statement names
    _look(db)
    for change in changes:
        change(db)
        _look(db)
    db.close()


def test_a_question_is_asked_again_only_after_a_change_of_its_tables(db: Database) -> None:
    db.put(task("a"))
    db.all(TaskRow, "id = ?", "a")
    statements = asked(db)
    db.all(TaskRow, "id = ?", "a")
    assert statements == []
    db.event(1.0, EventKind.SHUTDOWN)
    db.all(TaskRow, "id = ?", "a")
    assert [sql for sql in statements if "FROM tasks" in sql] == []
    db.set(TaskRow, "a", title="other")
    assert [row.title for row in db.all(TaskRow, "id = ?", "a")] == ["other"]


def test_a_list_that_was_answered_may_be_changed(db: Database) -> None:
    db.put(task("a"))
    for answer in (lambda: db.all(TaskRow), lambda: db.query("SELECT id FROM tasks")):
        answer().clear()
        assert len(answer()) == 1


def test_a_reader_keeps_nothing(db: Database) -> None:
    reader = Database(db.path, read_only=True)
    assert reader.all(TaskRow) == []
    db.put(task("a"))
    assert [row.id for row in reader.all(TaskRow)] == ["a"]


def test_what_is_kept_is_bounded(db: Database) -> None:
    with db.write():
        for number in range(MAX_ROWS + 1):
            db.put(task(f"t{number}"))
    db.all(TaskRow)
    statements = asked(db)
    db.all(TaskRow)
    assert len(statements) == 1, "a long answer is not kept"
    for number in range(MAX_ANSWERS + 1):
        db.one(TaskRow, "id = ?", f"t{number}")
    statements.clear()
    db.one(TaskRow, "id = ?", "t0")
    assert len(statements) == 1, "all were forgotten when there were too many"


def test_events_are_counted_past_what_is_kept(db: Database) -> None:
    assert db.all(EventRow) == []
    with db.write():
        db.event(1.0, EventKind.SHUTDOWN)
        assert len(db.all(EventRow)) == 1
