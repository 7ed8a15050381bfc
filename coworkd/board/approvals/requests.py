"""What people are asked, from the asking to the one use of their answer.

A request is sealed: a digest over all that a yes to it is about, recomputed before anything follows. Its states go one
way, each step by compare-and-swap, and are counted beside the database, so that no older copy of it revives one.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.core.signing import canonical
from coworkd.store import Database, RequestKind, RequestRow, RequestState

POLICY = "1"
"""Version of the rules by which requests are judged; a yes under other rules is none."""


def bind_request(request: RequestRow, subject: str) -> RequestRow:
    """The request, bound to its own words and to what it is about (a base, a commit, a tree)."""
    return replace(request, seal=_binding(request, subject))


def is_unchanged(request: RequestRow, subject: str) -> bool:
    """Whether it still asks what was asked, about the same thing."""
    return request.seal == _binding(request, subject)


def _binding(request: RequestRow, subject: str) -> str:
    # The id is random and used once: it is the nonce.
    words = (
        POLICY, request.id, request.task, request.run, request.kind, request.name, request.tool, request.arguments,
        request.risk, request.expires, request.number if request.kind is RequestKind.MERGE else 0, subject,
    )  # fmt: skip
    return sha256(canonical(words)).hexdigest()


class ApprovalRequests:
    """The requests of one workspace; used by the writer thread alone, within its transactions."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._documents = GeneratedDocuments(db)

    def answer(self, request: RequestRow) -> bool:
        """Open to answered, with the answer that the row has; False when it was not open any more."""
        return self._answered(request, RequestState.ANSWERED)

    def consume_open(self, request: RequestRow) -> bool:
        """Open to used in one step, where the answer is acted on in the same transaction."""
        return self._answered(request, RequestState.USED)

    def _answered(self, row: RequestRow, state: RequestState) -> bool:
        sql = "UPDATE requests SET state = ?, answer = ?, comment = ?, answered_by = ? WHERE id = ? AND state = 'open'"
        return self._moved(self._db.execute(sql, str(state), row.answer, row.comment, row.answered_by, row.id))

    def consume_answered(self, request: str, number: int) -> bool:
        """Answered to used: whoever gets True may act on the answer, once."""
        sql = "UPDATE requests SET state = 'used', number = ? WHERE id = ? AND state = 'answered'"
        return self._moved(self._db.execute(sql, number, request))

    def void(self, request: RequestRow, now: float) -> None:
        """It is no longer asked; its form says so."""
        sql = "UPDATE requests SET state = 'void' WHERE id = ? AND state IN ('open', 'answered')"
        if not self._moved(self._db.execute(sql, request.id)):
            return
        if request.kind is RequestKind.TOOL and request.path:
            self._documents.edit(request.path, {("cowork", "state"): str(RequestState.VOID)})
        self._db.event(now, "request void", task=request.task, request=request.id)

    def void_all(self, now: float) -> None:
        """An older copy of the database does not know what has been decided since: everything is asked anew."""
        with self._db.write(durable=True):
            for request in self._db.all(RequestRow, "state IN ('open', 'answered')"):
                self.void(request, now)
            self._db.execute(
                "UPDATE submissions SET approved = 0, request = ''"
                " WHERE state IN ('queued', 'green', 'approved', 'held')"
            )
            self._db.execute("DELETE FROM answers")
            self._db.event(now, "database restored")

    def _moved(self, rows: int) -> bool:
        if rows:
            self._db.bump_epoch()
        return bool(rows)
