"""The answers that stand in forms, reviews and plans, as they were read last."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.model import Answer
from coworkd.store.database import Cells, Database
from coworkd.store.rows import SubmissionKind


def find_answer(db: Database, path: str) -> Cells | None:
    """The answer in a file; None: it holds none."""
    rows = db.query("SELECT * FROM answers WHERE path = ?", path)
    return rows[0] if rows else None


def reset_answer(db: Database, path: str) -> None:
    """The file asks again: what it said does not count."""
    db.execute("UPDATE answers SET answer = ?, choose = '' WHERE path = ?", Answer.PENDING, path)


def accept_answer_by_command(db: Database, path: str, *, on_terminal: bool) -> None:
    """An answer by command counts as given here, even when the file has the same answer from git."""
    db.execute("UPDATE answers SET pulled = 0, tty = ? WHERE path = ?", int(on_terminal), path)


def forget_answer(db: Database, path: str) -> None:
    """The file is written again by the daemon, and holds no answer."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenAnswer:
    """The answer as a person wrote it into a file."""

    path: str
    answer: str
    comment: str
    scope: str
    granted: str
    request: str
    status: str
    written: str
    sha: str
    body: str
    from_git: bool
    lookalike_reason: str
    signer: str
    on_terminal: bool
    choose: str = ""
    """The letter of a proposal."""


def put_answer(db: Database, answer: WrittenAnswer) -> None:
    """Keep what stands in an answer's file now."""
    db.execute(
        "INSERT OR REPLACE INTO answers (path, answer, comment, scope, granted, request, status, written, sha, body,"
        " pulled, odd, signer, tty, choose) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        answer.path, answer.answer, answer.comment, answer.scope, answer.granted, answer.request, answer.status,
        answer.written, answer.sha, answer.body, int(answer.from_git), answer.lookalike_reason, answer.signer,
        int(answer.on_terminal), answer.choose,
    )  # fmt: skip
