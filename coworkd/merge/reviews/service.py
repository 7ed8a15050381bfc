"""Reviews: written when a submission is green, and acted on when a person has answered."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace

from coworkd.board.approvals.answer_channel import answer_channel
from coworkd.board.approvals.answers import reject_answer, submitted_answer, text_added_by_user
from coworkd.board.approvals.decision import ApprovalOutcome, ApprovalRequirement, SubmittedAnswer, decide
from coworkd.board.approvals.requests import UserDecision, bind_request, is_unchanged
from coworkd.board.approvals.requirements import requirement
from coworkd.board.approvals.unsandboxed import task_notices
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.nights import night_now
from coworkd.board.pattern_verdicts import pattern_report
from coworkd.board.task_board import Board
from coworkd.core.errors import printable
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Check, RiskLevel, Status
from coworkd.core.nights import parks
from coworkd.core.policy.tool_risk import level_of
from coworkd.core.runs import EndedState
from coworkd.core.stack_rules import parents_of, stack_text
from coworkd.core.task_states import WITH_SUBMISSION
from coworkd.merge.checkout_links.marking import unverified_reason
from coworkd.merge.git.change_summary import ChangeSummary
from coworkd.merge.reviews.change_risk import risk_features
from coworkd.merge.reviews.document import MAX_FILES, ReviewSubject, lines_of, render
from coworkd.merge.unverified import checkout_reason
from coworkd.store import (
    Database,
    RequestKind,
    RequestRow,
    RequestState,
    RunReason,
    RunRow,
    SubmissionKey,
    SubmissionKind,
    SubmissionRow,
    TaskRow,
)
from coworkd.store.answers import forget_answer
from coworkd.store.documents import find_document
from coworkd.store.requests import answered_in_file, find_open_request, find_used_approval
from coworkd.store.runs import correct_end, find_run
from coworkd.store.submissions import get_submission, retire_submission, reviewed_number_before, update_submission
from coworkd.store.usage import has_estimated_cost
from coworkd.sync.disk.folder import digest

_PARKED_REASON = "its risk is high, and no one was here: read its review"


class ReviewService:
    """The reviews of one workspace; used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db: Database = board.db
        self._documents = GeneratedDocuments(board.db)

    def write(self, row: SubmissionRow, change: ChangeSummary, now: float) -> None:
        """Write the review; where a person is to be asked, open the request that it stands for.

        The review of an earlier submission moves aside.
        """
        task = self._board.task(row.task)
        if task.status not in WITH_SUBMISSION:
            return
        request = secrets.token_hex(8)
        with self._db.write(durable=True):
            self._move_aside(row, now)
            request_row = self._request(row, change, request, now)
            row = self._with_parking(row, RiskLevel(request_row.risk), now)
            data = self._render_review(task, row, change, request_row)
            self._documents.put(review_path(row.task), data, now, persistent=True)
            forget_answer(self._db, review_path(row.task))
            files = [f"{printable(file.path)} ({lines_of(file)})" for file in change.files[:MAX_FILES]]
            update_submission(self._db, row, request=request, files=json.dumps(files))
            if row.needs_approval:
                self._board.requests.add(request_row, now)
                self._board.transition(row.task, Status.REVIEW, _PARKED_REASON if row.parked else "", now)

    def _with_parking(self, row: SubmissionRow, risk: RiskLevel, now: float) -> SubmissionRow:
        """The submission, which waits for a person where it is of high risk and no one was there to see it."""
        wants_person = row.needs_approval or row.approved or row.kind is not SubmissionKind.WORK
        if wants_person or not parks(night_now(self._board, now), risk):
            return row
        update_submission(self._db, row, needs_approval=True, parked=True)
        return replace(row, needs_approval=True, parked=True)

    def _render_review(
        self, task: TaskRow, row: SubmissionRow, change: ChangeSummary, request_row: RequestRow
    ) -> bytes:
        run, spec = find_run(self._db, row.run), self._board.specs.task(task.path)
        checks = [Check(**check) for check in json.loads(row.checks)]
        subject = ReviewSubject(
            task=row.task, title=task.title, attempt=row.attempt, agent=run.agent if run else "", commit=row.commit_id,
            tree=row.candidate_tree, base=row.verified_on, request=request_row.id,
            sandbox_level=run.start.sandbox_level if run else "none", agent_reply=run.reply if run else "",
            checkout_reason=unverified_reason(checks), notices=self._notices(task, row, run), has_change=bool(row.tree),
            cost_usd=task.cost_usd, is_estimated=has_estimated_cost(self._db, row.task),
            tokens=(task.input_tokens, task.output_tokens), asks_approval=row.needs_approval,
            task_text_sha=row.text_sha, current_text_sha=digest(spec.body.encode()),
            merge_proof=row.merge_proof, worked=_run_seconds(run), risk=request_row.risk, risk_reason=request_row.text,
            terminal_reason=self._requirement(request_row).first_line if row.needs_approval else "",
            decision=pattern_report(self._db, row.task, row.attempt),
        )  # fmt: skip
        claims = [item.text for item in spec.criteria if not item.command]
        return render(subject, change, checks, claims)

    def _notices(self, task: TaskRow, row: SubmissionRow, run: RunRow | None) -> tuple[str, ...]:
        """What the reader is to know beside the change: of the merge, and of saves that an agent could have made."""
        stacked = stack_text(parents_of(row.stacked_on))
        below = [f"{stacked}, which lands first: what is shown here is this task's own change"] if stacked else []
        saves = task_notices(self._db, task.path, run.started if run else row.created)
        return (*below, *row.message.splitlines(), *saves)

    def _request(self, row: SubmissionRow, change: ChangeSummary, request: str, now: float) -> RequestRow:
        """What a person is asked: bound to the very change, with the reasons for its risk."""
        verified = row.checks != "[]" and not checkout_reason(row)
        features = risk_features(change, verified=verified, merge_proof=row.merge_proof)
        request_row = RequestRow(
            id=request, task=row.task, run=row.run, kind=RequestKind.MERGE, name="", path=review_path(row.task),
            state=RequestState.OPEN, answer="", comment="", text="; ".join(feature.what for feature in features),
            created=now, number=row.number, risk=level_of(features),
        )  # fmt: skip
        return bind_request(request_row, _subject(row))

    def _move_aside(self, row: SubmissionRow, now: float) -> None:
        """The review of an earlier submission stays, under its number, in the folder of the task's earlier reviews."""
        old = find_document(self._db, review_path(row.task))
        if old is None or not old.target_sha:
            return
        number = reviewed_number_before(self._db, row.key)
        if number:
            self._documents.put(f"reviews/{row.task}.d/{number}.md", old.target_bytes, now)

    def apply_answers(self, now: float) -> None:
        """Act on every answer that stands in a review whose request is open."""
        for request in answered_in_file(self._db, RequestKind.MERGE):
            self._apply_answer(request, now)

    def _apply_answer(self, request: RequestRow, now: float) -> None:
        given = submitted_answer(self._db, request.path)
        ruling = decide(request.id, given, self._requirement(request))
        row = get_submission(self._db, SubmissionKey(request.task, request.number))
        task = self._board.task(request.task)
        if ruling.outcome is ApprovalOutcome.NONE or self._is_owned_elsewhere(task):
            return
        if ruling.outcome in (ApprovalOutcome.VOID, ApprovalOutcome.HELD):
            reject_answer(self._db, self._documents, request.path, ruling, now)
            return
        with self._db.write(durable=True):
            if not self._consume_answer(request, ruling.outcome, given, now):
                return
            match ruling.outcome:
                case ApprovalOutcome.APPROVED:
                    update_submission(self._db, row, approved=True)
                case ApprovalOutcome.REJECTED:
                    why = f"rejected: {given.comment}" if given.comment else "rejected"
                    retire_submission(self._db, row, why, now)
                    correct_end(self._db, row.run, reason=RunReason.REJECTED, message=f"A person {why}")
                    self._board.set_status(task, Status.FAILED, why, now)
                case _:
                    self._request_changes(
                        task, row, given.comment, text_added_by_user(self._db, request.path, given.body), now
                    )

    def _requirement(self, request: RequestRow) -> ApprovalRequirement:
        """Where an approval of this review has to be given."""
        return requirement(self._db, self._board.specs, request, request.risk, request.text)

    def _is_owned_elsewhere(self, task: TaskRow) -> bool:
        """Another instance has it, or has taken it over: nothing is decided here until it is taken back."""
        return task.owned_elsewhere or (task.from_git and task.by not in ("", self._db.state.instance))

    def _consume_answer(self, request: RequestRow, ruling: ApprovalOutcome, given: SubmittedAnswer, now: float) -> bool:
        """Use the answer once, in the transaction that acts on it; False when another has used it."""
        channel = answer_channel(self._db, request.path)
        decision = UserDecision(answer=str(ruling), comment=given.comment, channel=channel, signer=given.signer)
        return self._board.requests.consume_open(request, decision, now)

    def _request_changes(self, task: TaskRow, row: SubmissionRow, comment: str, written: str, now: float) -> None:
        """Changes are asked for: the comment becomes a message, which a new attempt receives."""
        retire_submission(self._db, row, "changes asked for", now)
        body = "\n\n".join(part for part in (comment, written) if part) or "Please look at your change once more."
        self._board.add_user_message(task.id, f"{review_path(task.id)}#changes-{row.number}", body, now)
        self._board.set_status(task, Status.READY, "changes were asked for", now, failures=0, not_before=0.0)

    def void(self, row: SubmissionRow, now: float) -> None:
        """Void the open request about this submission."""
        if request := find_open_request(self._db, row.request):
            self._board.requests.void(request, now)

    def is_approved(self, row: SubmissionRow) -> bool:
        """Whether a person has approved this very change."""
        request = find_used_approval(self._db, row.request)
        return request is not None and is_unchanged(request, _subject(row))

    def ask_again(self, row: SubmissionRow, now: float) -> None:
        """Ask again, because what was approved is no longer what would land."""
        with self._db.write(durable=True):
            update_submission(self._db, row, approved=False, request="")
            why = "what would land is not what was approved"
            self._db.event(now, EventKind.APPROVAL_VOID, task=row.task, number=row.number, reason=why)


def _run_seconds(run: RunRow | None) -> float | None:
    """How long a run took; None: it is not known."""
    return run.state.at - run.started if run and isinstance(run.state, EndedState) else None


def _subject(row: SubmissionRow) -> str:
    """What an approval is about: the change itself. A clean merge of a newer tip leaves it as it is."""
    return f"{row.number} {row.commit_id} {row.tree}"


def review_path(task: str) -> str:
    """Where the review of a task's latest submission stands."""
    return f"reviews/{task}.md"
