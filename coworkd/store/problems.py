"""Queries about problems: what is wrong with a file, as `coworkd status` and `inbox.md` show it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from coworkd.core.errors import DocumentError
from coworkd.core.model import Problem
from coworkd.store.database import Database

READ, WRITE, COPY, DUPLICATE = "read", "write", "copy", "duplicate"
"""Sources of problems with a file itself: it cannot be read, cannot be written, is a copy, claims another's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProblem:
    """A problem of a task, by where it is shown and which part of the program found it."""

    task: str
    path: str
    source: str


def problem_tasks(db: Database, sources: Collection[str]) -> frozenset[str]:
    """The tasks with a problem of one of these sources."""
    return frozenset(
        row["task"] for row in db.query_in("SELECT DISTINCT task FROM problems WHERE source IN (?)", sources)
    )


def problems_of_tasks(db: Database, tasks: Collection[str], sources: Collection[str]) -> list[TaskProblem]:
    """The problems of these tasks that have one of these sources."""
    rows = db.query_in("SELECT task, path, source FROM problems WHERE task IN (?)", tasks)
    return [
        TaskProblem(task=row["task"], path=row["path"], source=row["source"])
        for row in rows
        if row["source"] in sources
    ]


def problem_paths(db: Database, source: str) -> frozenset[str]:
    """The paths with a problem of this source."""
    return frozenset(row["path"] for row in db.query("SELECT path FROM problems WHERE source = ?", source))


def has_problem(db: Database, path: str, source: str) -> bool:
    """Whether the file has a problem of this source."""
    return bool(db.scalar("SELECT 1 FROM problems WHERE path = ? AND source = ?", path, source))


def has_problems(db: Database, source: str) -> bool:
    """Whether there is any problem of this source."""
    return bool(db.scalar("SELECT 1 FROM problems WHERE source = ? LIMIT 1", source))


def remove_problem(db: Database, path: str, source: str) -> None:
    """The file has no problem of this source any more."""
    db.execute("DELETE FROM problems WHERE path = ? AND source = ?", path, source)


def remove_problems(db: Database, source: str) -> None:
    """No file has a problem of this source any more."""
    db.execute("DELETE FROM problems WHERE source = ?", source)


def remove_task_problems(db: Database, task: str, source: str) -> None:
    """Take back what this source shows of a task, on whatever file."""
    db.execute("DELETE FROM problems WHERE task = ? AND source = ?", task, source)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRow:
    """A problem with its place."""

    path: str
    line: int
    message: str
    since: float


def all_problems(db: Database) -> list[ProblemRow]:
    """Every problem, by the place it is in."""
    rows = db.query("SELECT path, line, message, since FROM problems ORDER BY path, line, source")
    return [ProblemRow(path=r["path"], line=r["line"], message=r["message"], since=r["since"]) for r in rows]


def problem_message(db: Database, path: str, source: str) -> str:
    """The message of this source about the file; empty: there is none."""
    return db.scalar("SELECT message FROM problems WHERE path = ? AND source = ?", path, source) or ""


def problem_messages(db: Database, *sources: str) -> dict[str, str]:
    """The message about each file, by path; where several of the sources have one, the first source's."""
    found: dict[str, str] = {}
    for source in reversed(sources):
        rows = db.query("SELECT path, message FROM problems WHERE source = ?", source)
        found |= {row["path"]: row["message"] for row in rows}
    return found


def paths_with_problem(db: Database, paths: Collection[str], source: str) -> frozenset[str]:
    """The files among these with a problem of this source."""
    rows = db.query_in("SELECT path, source FROM problems WHERE path IN (?)", paths)
    return frozenset(row["path"] for row in rows if row["source"] == source)


def paths_with_problems(db: Database, sources: Collection[str]) -> list[str]:
    """The paths of files with a problem of one of these sources, sorted."""
    rows = db.query_in("SELECT DISTINCT path FROM problems WHERE source IN (?)", sources)
    return sorted(row["path"] for row in rows)


def unreadable_since(db: Database) -> dict[str, float]:
    """Since when each file that cannot be read has been so."""
    return {row["path"]: row["since"] for row in db.query("SELECT path, since FROM problems WHERE source = ?", READ)}


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
    put_problem(db, Problem(path=path, line=error.line, message=error.message), READ, now)


def remove_problems_of_file(db: Database, path: str, keep: str = "") -> None:
    """The file has no problem any more, but for those of the source to keep."""
    db.execute("DELETE FROM problems WHERE path = ? AND source != ?", path, keep)
