"""What people are asked, from the asking to the one use of their answer.

A request is bound to what it is about: a digest over all that an approval covers, recomputed before anything follows
from one. Each change of its state is a compare-and-swap, and the decisive ones are counted beside the database, so that
an older copy of the database revives none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

from coworkd.board.approvals.answer_channel import AnswerChannel
from coworkd.board.approvals.unsandboxed import mark_answer
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.core.event_kinds import EventKind
from coworkd.core.request_states import PENDING_STATES, RequestState
from coworkd.core.signing import canonical_json
from coworkd.store import Database, RequestKind, RequestRow
from coworkd.store.answers import forget_all_answers
from coworkd.store.events import NewEvent
from coworkd.store.problems import remove_problem
from coworkd.store.requests import RequestMove, add_request, all_pending_requests, find_open_request, move_request
from coworkd.store.submissions import withdraw_approvals

POLICY = "1"
"""Version of the rules by which requests are judged; an approval under other rules counts for nothing."""

_OPEN, _ANSWERED = frozenset({RequestState.OPEN}), frozenset({RequestState.ANSWERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDecision:
    """What a person decided about a request, and how that was said."""

    answer: str
    channel: AnswerChannel
    comment: str = ""
    signer: str = ""
    """Whose signature the commit bears that brought it."""


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
    return sha256(canonical_json(words)).hexdigest()


class ApprovalRequests:
    """The requests of one workspace; used by the writer thread alone, within its transactions."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._documents = GeneratedDocuments(db)

    # ---- asking

    def add(self, request: RequestRow, now: float) -> None:
        """Ask a person."""
        data = {
            "run": request.run, "request": request.id, "request_kind": _KIND_NAMES[request.kind], "path": request.path,
            "risk": request.risk, "seal": request.seal,
        }  # fmt: skip
        add_request(self._db, request, NewEvent(at=now, kind=EventKind.REQUEST_ASKED, task=request.task, data=data))

    def add_again(self, request: RequestRow, was: RequestRow, why: str, now: float) -> None:
        """Ask a person the same in place of an older request, which is void."""
        data = {"run": request.run, "request": request.id, "was": was.id, "why": why}
        add_request(
            self._db, request, NewEvent(at=now, kind=EventKind.REQUEST_ASKED_AGAIN, task=request.task, data=data)
        )

    def add_settled(self, request: RequestRow, event: NewEvent) -> None:
        """A request that a rule answers: no person is asked, and the answer is delivered like any other."""
        add_request(self._db, replace(request, state=RequestState.ANSWERED), event)

    def settle(self, request: RequestRow, answer: str, comment: str, by: str, now: float) -> None:
        """Answer an open request by a rule, in place of the person who was asked; its form says so."""
        move = RequestMove(
            request=request.id, of=_OPEN, to=RequestState.ANSWERED, answer=answer, comment=comment, answered_by=by
        )
        data = {
            "run": request.run, "request": request.id, "tool": request.tool or "a question", "answer": answer,
            "reason": comment, "path": request.path,
        }  # fmt: skip
        event = NewEvent(at=now, kind=EventKind.REQUEST_SETTLED, task=request.task, actor=by, data=data)
        if self._move(move, event) and request.kind is RequestKind.TOOL:
            self._documents.edit(request.path, {("approval",): answer, ("comment",): comment})

    # ---- answering

    def answer(self, request: RequestRow, decision: UserDecision, now: float) -> bool:
        """Store a person's answer for the code that acts on it; False when the request is no longer open."""
        return self._decide(request, RequestState.ANSWERED, decision, now)

    def consume_open(self, request: RequestRow, decision: UserDecision, now: float) -> bool:
        """Answered and used in one step, where the answer is acted on in the same transaction."""
        return self._decide(request, RequestState.USED, decision, now)

    def _decide(self, request: RequestRow, to: RequestState, decision: UserDecision, now: float) -> bool:
        if find_open_request(self._db, request.id) is None:
            return False
        marked = mark_answer(self._db, self._documents, request.path, decision.answer, decision.channel, now)
        data: dict[str, object] = {
            "via": decision.channel, "request": request.id, "answer": decision.answer, "path": request.path,
            "signer": decision.signer, "unsandboxed_run": marked,
        }  # fmt: skip
        if request.kind is RequestKind.MERGE:
            data["number"] = request.number
        event = NewEvent(at=now, kind=EventKind.REQUEST_ANSWERED, task=request.task, actor="person", data=data)
        if not self._move(_answered(request, to, decision), event):
            return False
        remove_problem(self._db, request.path, "answer")
        return True

    def reply(self, question: RequestRow, decision: UserDecision, message: str, now: float) -> None:
        """A message answers a question; `message` is its path."""
        data = {"via": decision.channel, "request": question.id, "path": message}
        event = NewEvent(at=now, kind=EventKind.REQUEST_ANSWERED, task=question.task, actor="person", data=data)
        self._move(_answered(question, RequestState.ANSWERED, decision), event)

    # ---- acting on an answer

    def consume_answered(self, request: RequestRow, number: int, now: float) -> bool:
        """Answered to used: a caller that gets True may act on it, once. `number`: the start that is given it."""
        move = RequestMove(request=request.id, of=_ANSWERED, to=RequestState.USED, number=number)
        data = {"request": request.id, "run": request.run}
        return self._move(move, NewEvent(at=now, kind=EventKind.ANSWER_USED, task=request.task, data=data))

    def return_answer(self, request: RequestRow, now: float) -> None:
        """The agent ended before it was given the answer: its next start is given it."""
        move = RequestMove(request=request.id, of=frozenset({RequestState.USED}), to=RequestState.ANSWERED)
        data = {"request": request.id, "run": request.run}
        move_request(self._db, move, NewEvent(at=now, kind=EventKind.ANSWER_RETURNED, task=request.task, data=data))

    def void(self, request: RequestRow, now: float) -> None:
        """It is no longer asked; its form says so."""
        event = NewEvent(at=now, kind=EventKind.REQUEST_VOID, task=request.task, data={"request": request.id})
        move = RequestMove(request=request.id, of=PENDING_STATES, to=RequestState.VOID)
        if self._move(move, event) and request.kind is RequestKind.TOOL and request.path:
            self._documents.edit(request.path, {("cowork", "state"): str(RequestState.VOID)})

    def void_all(self, now: float) -> None:
        """An older copy of the database does not know what has been decided since: everything is asked again."""
        with self._db.write(durable=True):
            for request in all_pending_requests(self._db):
                self.void(request, now)
            withdraw_approvals(self._db)
            forget_all_answers(self._db)
            self._db.event(now, EventKind.DATABASE_RESTORED)

    def _move(self, move: RequestMove, event: NewEvent) -> bool:
        moved = move_request(self._db, move, event)
        if moved:
            self._db.bump_epoch()
        return moved


def _answered(request: RequestRow, to: RequestState, decision: UserDecision) -> RequestMove:
    return RequestMove(
        request=request.id, of=_OPEN, to=to, answer=decision.answer, comment=decision.comment,
        answered_by=str(decision.channel),
    )  # fmt: skip


_KIND_NAMES = {
    RequestKind.QUESTION: "question",
    RequestKind.TOOL: "permission",
    RequestKind.PLAN: "plan",
    RequestKind.MERGE: "merge",
    RequestKind.CHOICE: "choice",
}
"""How the event log names what was asked for."""
