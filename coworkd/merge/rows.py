"""Submissions in the database: finding one that is known to exist, and changing it."""

from __future__ import annotations

from coworkd.store import Database, SubmissionRow, SubmissionState


def submission(db: Database, task: str, number: int) -> SubmissionRow:
    """The row of a submission that is known to exist."""
    row = db.one(SubmissionRow, "task = ? AND number = ?", task, number)
    assert row is not None, "submissions are never deleted"
    return row


def change_submission(db: Database, row: SubmissionRow, **columns: str | bool | float | SubmissionState) -> None:
    """Set columns of one submission."""
    db.set(SubmissionRow, (row.task, row.number), **columns)
