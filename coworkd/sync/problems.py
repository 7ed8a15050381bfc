"""What is shown to people as theirs to mend."""

from __future__ import annotations

from coworkd.core.errors import DocumentError
from coworkd.core.model import Problem
from coworkd.store import Database


def put_problem(db: Database, problem: Problem, source: str, now: float, task: str = "") -> None:
    """Show a problem; one that is shown already keeps its time."""
    db.insert_batched(
        "INSERT INTO problems (path, source, line, message, task, since) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (path, source) DO UPDATE SET line = excluded.line, message = excluded.message"
        " WHERE line != excluded.line OR message != excluded.message",
        problem.path, source, problem.line, problem.message, task, now,
    )  # fmt: skip


def put_unreadable(db: Database, path: str, error: DocumentError, now: float) -> None:
    """Show why a file cannot be read; whatever it said before stays in force."""
    put_problem(db, Problem(path=path, line=error.line, message=error.message), "read", now)
