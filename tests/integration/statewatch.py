"""Watches a database: every change of a state has an event in its transaction, about the same task."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from types import FrameType

from coworkd.store import Database

_STORE = f"{Path('coworkd') / 'store'}"
_COLUMNS = {"tasks": ("status", "id"), "runs": ("state", "task"), "submissions": ("state", "task"),
            "requests": ("state", "task")}  # fmt: skip


class StateWatch:
    """Temporary triggers, which note each change of state and each event with its transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._transactions = count(1)
        self._transaction = 0
        connection = db.connection
        connection.create_function("_transaction", 0, lambda: self._transaction)
        connection.create_function("_by_test", 0, _is_by_test)
        connection.execute(
            "CREATE TEMP TABLE state_changes (at INTEGER, what TEXT, task TEXT, state TEXT, test INTEGER)"
        )
        connection.execute("CREATE TEMP TABLE events_seen (at INTEGER, task TEXT)")
        for table, (state, task) in _COLUMNS.items():
            note = (f"BEGIN INSERT INTO state_changes VALUES (_transaction(), '{table}', new.{task}, new.{state},"
                    " _by_test()); END")  # fmt: skip
            connection.execute(
                f"CREATE TEMP TRIGGER {table}_moved AFTER UPDATE OF {state} ON main.{table}"
                f" WHEN old.{state} != new.{state} {note}"
            )
            if table != "tasks":  # a task begins with its file, and that is an event of the file
                connection.execute(f"CREATE TEMP TRIGGER {table}_added AFTER INSERT ON main.{table} {note}")
        connection.execute(
            "CREATE TEMP TRIGGER event_seen AFTER INSERT ON main.events"
            " BEGIN INSERT INTO events_seen VALUES (_transaction(), new.task); END"
        )
        connection.set_trace_callback(self._begun)

    def _begun(self, statement: str) -> None:
        if statement.startswith("BEGIN"):
            self._transaction = next(self._transactions)

    def silent_changes(self) -> list[str]:
        """Changes of state without an event."""
        rows = self._db.query(
            "SELECT c.what, c.task, c.state FROM state_changes c WHERE NOT c.test AND NOT EXISTS"
            " (SELECT 1 FROM events_seen e WHERE e.at = c.at AND e.task = c.task)"
        )
        return [f"{row['what']} of {row['task']}: {row['state']}" for row in rows]


def _is_by_test() -> int:
    """Whether a test writes by itself, and not the product."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way to the frames of a callback
    while frame is not None and (_STORE in frame.f_code.co_filename or "contextlib" in frame.f_code.co_filename):
        frame = frame.f_back
    return int(frame is not None and "/tests/" in frame.f_code.co_filename)
