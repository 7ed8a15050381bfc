"""Which tasks were touched by changes of rows, collected by triggers of this connection.

Whether a task is ready is kept in memory and looked at again for these tasks only. Changes that another program makes
are seen as a change of everything.
"""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.store.database import Database

_TASK = "INSERT OR IGNORE INTO changed_rows (kind, id) VALUES ('task', {row}.{column});"
_DEPENDANTS = (
    "INSERT OR IGNORE INTO changed_rows (kind, id) SELECT 'task', task FROM needs WHERE needed = {row}.{column};"
)
_NEEDS = "INSERT OR IGNORE INTO changed_rows (kind, id) VALUES ('needs', {row}.{column});"
_FILE = "INSERT OR IGNORE INTO changed_rows (kind, id) VALUES ('file', {row}.{column});"

_PLANNED = "INSERT OR IGNORE INTO changed_rows (kind, id) SELECT 'task', id FROM tasks WHERE plan = {row}.{column};"

_WATCHED = (
    ("tasks", "id", "path, agent, priority, stack, since, attempt, not_before, plan, place", _TASK),
    ("tasks", "id", "wanted, held, pulled, elsewhere, gone", _TASK),
    ("tasks", "id", "id, status, landed, closed, answer", _TASK + _DEPENDANTS),
    ("needs", "task", "task, needed", _TASK + _NEEDS),
    ("runs", "task", "task, state", _TASK),
    ("usages", "task", "task, cost_usd", _TASK),
    ("submissions", "task", "missing, state", _DEPENDANTS),
    ("problems", "path", "path, source", _FILE),
    ("documents", "path", "want, pulled", _FILE),
    ("trusted", "path", "bytes", _FILE),
    ("plan_holds", "plan", "plan, place", _PLANNED),
)
"""Tables, with the columns by which a task becomes ready or no longer is, and what a change of them touches."""


_KINDS = ("task", "needs", "file")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRows:
    """What has changed since it was asked for last."""

    everything: bool = False
    """Another program has written, or it is asked for the first time."""
    tasks: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    """Tasks whose dependencies are others than before."""
    files: frozenset[str] = frozenset()
    """Paths whose text, trust or problems are others."""


class TaskChanges:
    """Used by the writer thread alone. There is one per connection: what one has taken, no other is given."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._version: int | None = None
        """Of the database, which changes with what other connections write."""
        db.execute("CREATE TEMP TABLE IF NOT EXISTS changed_rows (kind TEXT, id TEXT, PRIMARY KEY (kind, id))")
        db.execute("PRAGMA recursive_triggers = ON")  # else a row that REPLACE takes away is taken away unseen
        for number, (table, column, columns, effect) in enumerate(_WATCHED):
            for event, rows in (("INSERT", ("NEW",)), ("DELETE", ("OLD",)), (f"UPDATE OF {columns}", ("OLD", "NEW"))):
                body = " ".join(effect.format(row=row, column=column) for row in rows)
                name = f"changed_{table}_{number}_{event.split()[0].lower()}"
                db.execute(f"CREATE TEMP TRIGGER IF NOT EXISTS {name} AFTER {event} ON main.{table} BEGIN {body} END")

    def take(self) -> ChangedRows:
        """What has changed since the last call."""
        before, self._version = self._version, self._db.look_for_other_writers()
        rows = self._db.query("SELECT kind, id FROM changed_rows")
        if rows:
            self._db.execute("DELETE FROM changed_rows")
        found = {
            kind: frozenset(row["id"] for row in rows if row["kind"] == kind) for kind in ("task", "needs", "file")
        }
        return ChangedRows(
            everything=before != self._version, tasks=found["task"], needs=found["needs"], files=found["file"]
        )
