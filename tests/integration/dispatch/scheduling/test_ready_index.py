"""The index of ready tasks after any change of rows is the one that is read from all rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coworkd.board.task_board import Board
from coworkd.core.model import Kind, Problem, Status, Usage
from coworkd.dispatch.scheduling.ready_index import ReadyIndex, ReadyTask
from coworkd.store import Database, DocumentRow, TaskRow
from coworkd.store.problems import put_problem, remove_problem
from coworkd.store.usage import UsageRow, add_usage
from tests.integration.workspacekit import Workspace

TASKS = ("a", "b", "c")

READY = TaskRow(
    id="a", path="tasks/a.md", title="a", status=Status.READY, reason="", since=0.0, agent="", priority=2.0,
    created=0.0, attempt=0, by="anna-0001", landed="", failures=0, conflict_rounds=0, not_before=0.0,
    closed_by_hand=False, requested_status="", request_due_at=0.0, blocked_reason="", from_git=False,
    owned_elsewhere=False, file_missing=False, agent_used="", cost_usd=None, input_tokens=0, output_tokens=0,
    exact_id=True,
)  # fmt: skip

Change = Callable[[Database, str, str], None]
"""A change of the rows of one task; the other one is a dependency."""


def _put(**columns: object) -> Change:
    def change(db: Database, task: str, _: str) -> None:
        db.put(replace(READY, id=task, path=f"tasks/{task}.md", **columns))

    return change


def _set(**columns: str | float | bool) -> Change:
    return lambda db, task, _: db.set(TaskRow, task, **columns)


def _sql(statement: str) -> Change:
    """A statement about `:task` and `:other`."""

    def change(db: Database, task: str, other: str) -> None:
        places = {":task": task, ":other": other}
        values = [places[name] for name in re.findall(r":\w+", statement)]
        db.execute(re.sub(r":\w+", "?", statement), *values)

    return change


def _write(text: str) -> Change:
    def change(db: Database, task: str, _: str) -> None:
        db.put(
            DocumentRow(
                path=f"tasks/{task}.md", kind=Kind.TASK, doc=task, target_bytes=text.encode(), target_sha=text,
                disk_sha=text, rev=1, changed_at=0.0, body_changed_at=0.0, from_git=False, absent_since=None,
                generated=False,
            )
        )  # fmt: skip

    return change


def _block(db: Database, task: str, _: str) -> None:
    put_problem(db, Problem(path=f"tasks/{task}.md", line=0, message="no such agent"), "agent", 0.0, task)


def _unblock(db: Database, task: str, _: str) -> None:
    remove_problem(db, f"tasks/{task}.md", "agent")


def _use(db: Database, task: str, _: str) -> None:
    usage = Usage(input_tokens=1, output_tokens=1, cost_usd=0.5)
    add_usage(
        db, UsageRow(at=1.0, run="r", task=task, agent="x", billing="api", usage=usage, estimated=False)
    )  # fmt: skip


CHANGES: dict[str, Change] = {
    "made": _put(),
    "made with another priority": _put(priority=1.0),
    "done": _put(status=Status.DONE, landed="c" * 40),
    "closed by hand": _put(status=Status.DONE, closed_by_hand=True),
    "requested otherwise": _set(requested_status="draft"),
    "held": _set(blocked_reason="came by git"),
    "gone": _set(file_missing=True),
    "tried": _set(attempt=3, not_before=9.0),
    "removed": _sql("DELETE FROM tasks WHERE id = :task"),
    "renamed": _sql("UPDATE OR REPLACE tasks SET id = :other WHERE id = :task"),
    "given a dependency": _sql("INSERT OR IGNORE INTO needs (task, needed) VALUES (:task, :other)"),
    "without dependencies": _sql("DELETE FROM needs WHERE task = :task"),
    "started": _sql("INSERT OR REPLACE INTO runs (id, task, state, waited) VALUES ('r', :task, 'working', 0)"),
    "ended": _sql(
        "UPDATE runs SET state = 'ended', reason = 'budget', message = 'm', started = 0, ended = 60 WHERE task = :task"
    ),
    "lost": _sql("INSERT OR REPLACE INTO submissions (task, number, missing) VALUES (:task, 1, 'gone')"),
    "found": _sql("UPDATE submissions SET missing = '' WHERE task = :task"),
    "blocked": _block,
    "unblocked": _unblock,
    "used": _use,
    "rewritten": _write("---\nbudget: {usd: 2}\ntouches: [src/**]\n---\nDo it.\n"),
    "written": _write("---\nstatus: ready\n---\nDo it.\n"),
}


def _content(index: ReadyIndex) -> list[tuple[ReadyTask, int]]:
    index.refresh()
    tasks = sorted(index.tasks(), key=lambda task: task.row.id)
    return [(task, index.chain_length(task.row.id)) for task in tasks]


Step = tuple[str, str, str]
STEPS = st.lists(
    st.tuples(st.sampled_from(sorted(CHANGES)), st.sampled_from(TASKS), st.sampled_from(TASKS)),
    min_size=15,
    max_size=40,
)


@settings(max_examples=20, deadline=None)
@given(steps=STEPS)
def test_what_is_kept_is_what_is_read_again(steps: list[Step]) -> None:
    with TemporaryDirectory() as folder:
        place = Workspace(Path(folder))
        board = Board(place.db, place.intake)
        for task in TASKS:
            _put()(place.db, task, "")
        kept = ReadyIndex(board)
        _content(kept)
        for name, task, other in steps:
            with place.db.write():
                CHANGES[name](place.db, task, other)
            assert _content(kept) == _content(ReadyIndex(board)), name
        place.db.close()


def test_changes_of_a_transaction_that_failed_are_no_changes(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    board = Board(place.db, place.intake)
    _put()(place.db, "a", "")
    index = ReadyIndex(board)
    before = _content(index)
    assert index.take_changed() == {"a"}

    def fail() -> None:
        with place.db.write():
            _put(status=Status.DRAFT)(place.db, "a", "")
            raise KeyError("a")

    with pytest.raises(KeyError):
        fail()
    assert _content(index) == before
    assert not index.take_changed()
    place.db.close()


def test_changes_by_another_program_are_seen(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    board = Board(place.db, place.intake)
    _put()(place.db, "a", "")
    index = ReadyIndex(board)
    assert [task.row.id for task, _ in _content(index)] == ["a"]
    other = Database(place.database)
    _put()(other, "b", "")
    other.close()
    assert [task.row.id for task, _ in _content(index)] == ["a", "b"]
    place.db.close()


def test_a_dependency_whose_landing_is_lost_blocks_again(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    board = Board(place.db, place.intake)
    for name, task in (("done", "a"), ("made", "b"), ("given a dependency", "b")):
        CHANGES[name](place.db, task, "a")
    index = ReadyIndex(board)
    assert [task.row.id for task, _ in _content(index)] == ["b"]
    CHANGES["lost"](place.db, "a", "")
    assert not _content(index)
    CHANGES["found"](place.db, "a", "")
    assert [task.row.id for task, _ in _content(index)] == ["b"]
    place.db.close()
