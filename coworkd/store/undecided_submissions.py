"""Submissions that a person has not decided about."""

from __future__ import annotations

from coworkd.store.database import Database
from coworkd.store.rows import SubmissionRow, SubmissionState

_UNDECIDED = "state = ? AND NOT approved"


def undecided_submissions(db: Database) -> list[SubmissionRow]:
    """Those that went through their verification, and that are not approved."""
    return db.all(SubmissionRow, _UNDECIDED, SubmissionState.GREEN)
