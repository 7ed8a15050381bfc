"""Reading and putting back the answers that stand in forms and reviews."""

from __future__ import annotations

import difflib

from coworkd.board.approvals.answer_channel import AnswerChannel, answer_channel
from coworkd.board.approvals.decision import ApprovalDecision, ApprovalOutcome, SubmittedAnswer
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Answer, Problem
from coworkd.documents.markdown import Value, parse
from coworkd.store import Database
from coworkd.store.answers import find_answer, reset_answer
from coworkd.store.notices import daemon_versions
from coworkd.store.problems import put_problem


def submitted_answer(db: Database, path: str) -> SubmittedAnswer:
    """The answer in a file as it was last read; `pending` when there is none."""
    row = find_answer(db, path)
    if row is None:
        return SubmittedAnswer(answer=Answer.PENDING)
    return SubmittedAnswer(
        answer=row["answer"], written=row["written"], request=row["request"], comment=row["comment"],
        status=row["status"], body=row["body"], pulled=bool(row["pulled"]), scope=row["scope"], grant=row["granted"],
        choose=row["choose"], held_reason=row["odd"], signer=row["signer"], on_terminal=bool(row["tty"]),
        by_command=answer_channel(db, path) is not AnswerChannel.FILE,
    )  # fmt: skip


def reject_answer(
    db: Database, documents: GeneratedDocuments, path: str, decision: ApprovalDecision, now: float
) -> None:
    """Show why an answer does not count; a void one is taken out of the file."""
    with db.write():
        put_problem(db, Problem(path=path, line=0, message=decision.reason), "answer", now)
        if decision.outcome is ApprovalOutcome.VOID:
            changes: dict[tuple[str, ...], Value] = {("approval",): str(Answer.PENDING)}
            if (row := find_answer(db, path)) is not None and row["choose"]:
                changes[("choose",)] = ""
            documents.edit(path, changes)
            reset_answer(db, path)
            db.event(now, EventKind.ANSWER_VOID, path=path)


def text_added_by_user(db: Database, path: str, body: str) -> str:
    """What a person added to the body of a form of the daemon's, as it was read last."""
    versions = daemon_versions(db, path)
    if not versions:
        return ""
    ours = parse(versions[0]).body
    added = [line[2:] for line in difflib.ndiff(ours.splitlines(), body.splitlines()) if line.startswith("+ ")]
    return "\n".join(added).strip()
