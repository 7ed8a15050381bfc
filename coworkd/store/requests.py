"""Queries about what people are asked."""

from __future__ import annotations

from coworkd.core.model import Answer
from coworkd.store.database import Database
from coworkd.store.rows import RequestState


def late_answers(db: Database) -> list[tuple[str, str]]:
    """Path and task of every yes in a file whose request is asked no more, and nothing else is asked in that file."""
    rows = db.query(
        "SELECT r.path, r.task FROM requests r JOIN answers a ON a.path = r.path AND a.request = r.id"
        " WHERE r.state = ? AND r.answer = '' AND a.answer IN (?, ?)"
        " AND NOT EXISTS (SELECT 1 FROM requests o WHERE o.path = r.path AND o.state = ?)",
        str(RequestState.VOID), str(Answer.APPROVED), str(Answer.CHANGES), str(RequestState.OPEN),
    )  # fmt: skip
    return [(row["path"], row["task"]) for row in rows]
