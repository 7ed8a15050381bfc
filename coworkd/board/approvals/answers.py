"""Reading and putting back the answers that stand in forms and reviews."""

from __future__ import annotations

import difflib

from coworkd.board.approvals.answer_channel import Via, via
from coworkd.board.approvals.verdict import Given, Ruling, Verdict
from coworkd.board.generated_documents import Papers
from coworkd.core.model import Answer, Problem
from coworkd.documents.markdown import Value, parse
from coworkd.store import Database
from coworkd.sync.problems import put_problem


def given_in(db: Database, path: str) -> Given:
    """The answer in a file as it was last read; `pending` when there is none."""
    rows = db.query("SELECT * FROM answers WHERE path = ?", path)
    if not rows:
        return Given(answer=Answer.PENDING)
    row = rows[0]
    return Given(
        answer=row["answer"], written=row["written"], request=row["request"], comment=row["comment"],
        status=row["status"], body=row["body"], pulled=bool(row["pulled"]), scope=row["scope"], grant=row["granted"],
        odd=row["odd"], signer=row["signer"], tty=bool(row["tty"]), by_command=via(db, path) is Via.TERMINAL,
    )  # fmt: skip


def put_back(db: Database, papers: Papers, path: str, ruling: Verdict, now: float) -> None:
    """Show why an answer does not count; a void one is taken out of the file."""
    with db.write():
        put_problem(db, Problem(path=path, line=0, message=ruling.reason), "answer", now)
        if ruling.ruling is Ruling.VOID:
            changes: dict[tuple[str, ...], Value] = {("approval",): str(Answer.PENDING)}
            papers.amend(path, changes)
            db.execute("UPDATE answers SET answer = 'pending' WHERE path = ?", path)
            db.event(now, "answer void", path=path)


def added_by_person(db: Database, path: str, body: str) -> str:
    """What a person added to the body of a form of the daemon's, as it was read last."""
    kept = db.query("SELECT bytes FROM bases WHERE path = ? AND who = 'daemon' ORDER BY at DESC LIMIT 1", path)
    if not kept:
        return ""
    ours = parse(kept[0]["bytes"]).body
    added = [line[2:] for line in difflib.ndiff(ours.splitlines(), body.splitlines()) if line.startswith("+ ")]
    return "\n".join(added).strip()
