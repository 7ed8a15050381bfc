"""Where a pattern could not decide: a person is asked which proposal is taken, and what was chosen goes on its way.

The request is bound to the commits of all proposals. A chosen proposal is a verdict like that of a pattern; it goes to
the merge queue, where it is verified, and reviewed as every change.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from coworkd.board.approvals.answer_channel import answer_channel
from coworkd.board.approvals.answers import reject_answer, submitted_answer, text_added_by_user
from coworkd.board.approvals.decision import ApprovalOutcome, SubmittedAnswer, decide_choice
from coworkd.board.approvals.requests import UserDecision, bind_request
from coworkd.board.approvals.requirements import requirement
from coworkd.board.choice_document import compose_choice
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.pattern_verdicts import LETTERS, decode_verdict, encode_verdict, read_report
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Mode, RiskLevel, Status
from coworkd.core.pattern_verdicts import PatternEnd, PatternVerdict
from coworkd.dispatch.patterns.codec import decode_spec
from coworkd.store import PatternRow, RequestKind, RequestRow, RequestState, StepKey, TaskRow
from coworkd.store.answers import forget_answer
from coworkd.store.events import NewEvent
from coworkd.store.requests import answered_in_file
from coworkd.store.steps import decide_pattern, find_step, latest_pattern

_RISK_REASON = "several proposals, and no rule chose one"


class Choices:
    """Used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)

    def ask(self, row: PatternRow, verdict: PatternVerdict, now: float) -> None:
        """Write the review of the proposals, and open the request; inside of a transaction."""
        task, request = self._board.task(row.task), secrets.token_hex(8)
        path = f"reviews/{task.id}.md"
        report = read_report(self._db, row, verdict)
        data = compose_choice(report, task=task.id, title=task.title, attempt=row.attempt, request=request)
        self._documents.put(path, data, now, persistent=True)
        forget_answer(self._db, path)
        first = next((step for step in verdict.letters if step), "")
        run = find_step(self._db, StepKey(row.task, row.attempt, first)) if first else None
        asked = RequestRow(
            id=request, task=task.id, run=run.run if run else "", kind=RequestKind.CHOICE, name="", path=path,
            state=RequestState.OPEN, answer="", comment="", text=verdict.reason, created=now, number=0,
            risk=RiskLevel.MEDIUM,
        )  # fmt: skip
        self._board.requests.add(bind_request(asked, self._subject(row, verdict)), now)

    def _subject(self, row: PatternRow, verdict: PatternVerdict) -> str:
        """What a choice is bound to."""
        steps = [find_step(self._db, StepKey(row.task, row.attempt, key)) for key in verdict.letters]
        return " ".join(step.commit_id for step in steps if step)

    # ---- from an answer to what follows

    def decide(self, now: float) -> None:
        """Act on every answer that stands in a review of proposals."""
        for request in answered_in_file(self._db, RequestKind.CHOICE):
            self._apply_answer(request, now)

    def _apply_answer(self, request: RequestRow, now: float) -> None:
        task, row = self._board.task(request.task), latest_pattern(self._db, request.task)
        if row is None or not row.verdict or task.owned_elsewhere or task.file_missing:
            return None
        given, verdict = submitted_answer(self._db, request.path), decode_verdict(row.verdict)
        letters = [letter for letter, step in zip(LETTERS, verdict.letters, strict=False) if step]
        needed = requirement(self._db, self._board.specs, request, request.risk, _RISK_REASON)
        ruling = decide_choice(request.id, given, letters, needed)
        if ruling.outcome is ApprovalOutcome.NONE:
            return None
        if ruling.outcome in (ApprovalOutcome.VOID, ApprovalOutcome.HELD):
            reject_answer(self._db, self._documents, request.path, ruling, now)
            return None
        with self._db.write(durable=True):
            channel = answer_channel(self._db, request.path)
            decision = UserDecision(answer=str(ruling.outcome), comment=given.comment, channel=channel)
            if not self._board.requests.consume_open(request, decision, now):
                return None
            return self._carry_out(task, row, verdict, given, ruling.outcome, now)

    def _carry_out(
        self,
        task: TaskRow,
        row: PatternRow,
        verdict: PatternVerdict,
        given: SubmittedAnswer,
        ruling: ApprovalOutcome,
        now: float,
    ) -> None:
        match ruling:
            case ApprovalOutcome.APPROVED:
                self._choose(row, verdict, given.choose, now)
            case ApprovalOutcome.REJECTED:
                why = f"rejected: {given.comment}" if given.comment else "rejected"
                self._board.set_status(task, Status.FAILED, why, now)
            case _:
                added = text_added_by_user(self._db, f"reviews/{task.id}.md", given.body)
                text = "\n\n".join(part for part in (given.comment, added) if part) or "None of the proposals is right."
                path = f"reviews/{task.id}.md#changes-{row.attempt}"
                self._board.add_user_message(task.id, path, text, now)
                self._board.set_status(task, Status.READY, "changes were asked for", now, failures=0, not_before=0.0)

    def _choose(self, row: PatternRow, verdict: PatternVerdict, letter: str, now: float) -> None:
        step = verdict.letters[LETTERS.index(letter)]
        decision = PatternEnd.ANSWER if decode_spec(row.spec).mode is Mode.ANSWER else PatternEnd.SUBMIT
        reason = f"a person chose {letter}; before: {verdict.reason}"
        chosen = replace(verdict, decision=decision, of=step, reason=reason)
        event = NewEvent(
            at=now, kind=EventKind.CHOSEN, task=row.task, actor="person", data={"letter": letter, "step": step}
        )
        decide_pattern(self._db, row, encode_verdict(chosen), event)
        self._board.transition(row.task, Status.RUNNING, "what was chosen is being handed in", now)
