"""The answers that stand in forms, reviews and plans, as they were read last."""

from __future__ import annotations

from coworkd.core.model import Answer
from coworkd.store.database import Cells, Database
from coworkd.store.rows import SubmissionKind


def find_answer(db: Database, path: str) -> Cells | None:
    """The answer in a file; None: it holds none."""
    rows = db.query("SELECT * FROM answers WHERE path = ?", path)
    return rows[0] if rows else None


def reset_answer(db: Database, path: str) -> None:
    """The file asks again: what it said does not count."""
    db.execute("UPDATE answers SET answer = ? WHERE path = ?", Answer.PENDING, path)


def accept_answer_by_command(db: Database, path: str, *, on_terminal: bool) -> None:
    """Whoever answers by command answers here, also when the file says the same by way of git."""
    db.execute("UPDATE answers SET pulled = 0, tty = ? WHERE path = ?", int(on_terminal), path)


def forget_answer(db: Database, path: str) -> None:
    """The file is written anew by the daemon, and holds no answer."""
    db.execute("DELETE FROM answers WHERE path = ?", path)


def forget_all_answers(db: Database) -> None:
    db.execute("DELETE FROM answers")


def revert_requests(db: Database) -> list[tuple[str, SubmissionKind]]:
    """Reviews in which a person asks to take a landed change back, or to apply it again, and which of the two."""
    kinds = (SubmissionKind.REVERT, SubmissionKind.APPLY)
    rows = db.query("SELECT path, status FROM answers WHERE status IN (?, ?) ORDER BY path", *kinds)
    return [(row["path"], SubmissionKind(row["status"])) for row in rows]


def set_review_status(db: Database, path: str, status: str) -> None:
    """The daemon writes another status into a review."""
    db.execute("UPDATE answers SET status = ? WHERE path = ?", status, path)
