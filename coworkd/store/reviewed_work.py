"""The change that a person has looked at and wants otherwise."""

from __future__ import annotations

from coworkd.core.model import Answer
from coworkd.store.database import Database
from coworkd.store.rows import SubmissionKind, SubmissionRow, SubmissionState


def work_to_continue(db: Database, task: str) -> SubmissionRow | None:
    """The latest submission of a task, if it was taken out of its review for another attempt.

    None where it never came to a review, is still on its way, was rejected or approved, or was taken out because it was
    red on a newer tip or collided with it.
    """
    latest = db.one(SubmissionRow, "task = ? ORDER BY number DESC", task)
    if latest is None or latest.kind is not SubmissionKind.WORK or latest.state is not SubmissionState.RETIRED:
        return None
    # Without a tree nothing was changed, and there is nothing to go on with.
    if not latest.tree or not latest.request or latest.bundle or _was_red(db, latest):
        return None
    answer = db.scalar("SELECT answer FROM requests WHERE id = ?", latest.request)
    return latest if answer in ("", Answer.CHANGES) else None


def _was_red(db: Database, work: SubmissionRow) -> bool:
    return db.scalar("SELECT reason FROM runs WHERE id = ?", work.run) == "red"


def submission_of(db: Database, task: str, number: int) -> SubmissionRow | None:
    """One submission; None where there is none of this number."""
    return db.one(SubmissionRow, "task = ? AND number = ?", task, number)
