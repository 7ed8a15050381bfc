"""Submissions that are red, but not by their author's fault."""

from __future__ import annotations

from coworkd.store.database import Database
from coworkd.store.rows import SubmissionRow, SubmissionState


def held_submissions(db: Database) -> list[SubmissionRow]:
    """Those that are held now, oldest first; not of tasks whose file is absent."""
    present = "EXISTS (SELECT 1 FROM tasks t WHERE t.id = submissions.task AND NOT t.gone)"
    sql = f"state = ? AND {present} ORDER BY created, task"
    return db.all(SubmissionRow, sql, str(SubmissionState.HELD))


def undecided_submissions(db: Database) -> list[SubmissionRow]:
    """Those that are held, or were and have not been verified again since."""
    sql = "held != '' AND state IN (?, ?) ORDER BY created, task"
    return db.all(SubmissionRow, sql, str(SubmissionState.HELD), str(SubmissionState.QUEUED))
