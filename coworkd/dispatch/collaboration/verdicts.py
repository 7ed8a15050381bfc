"""Carrying out what a pattern has decided: one change to the merge queue, a failure, or a person's choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from coworkd.board.generated_documents import ANSWER, GeneratedDocuments
from coworkd.board.pattern_verdicts import decision_text, encode_verdict, read_report
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import ApprovalPoint, MessageKind, MessageState, OnError, Status
from coworkd.core.pattern_verdicts import PatternEnd, PatternVerdict
from coworkd.dispatch.collaboration.attempts import PatternProgress
from coworkd.dispatch.collaboration.choices import Choices
from coworkd.dispatch.patterns.codec import decode_result, decode_spec
from coworkd.dispatch.patterns.steps import RunResult
from coworkd.store import PatternKey, PatternRow, StepKey, StepRow, SubmissionRow, SubmissionState
from coworkd.store.events import NewEvent, add_event
from coworkd.store.runs import find_run
from coworkd.store.steps import end_pattern, find_pattern, find_step, get_step
from coworkd.store.submissions import add_submission, next_number
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenChange:
    """The change that a pattern has chosen, under the number that it goes to the queue with."""

    task: str
    step: str
    number: int
    commit: str


PROMOTE: Job[PatternKey, ChosenChange] = Job(name="chosen change", purpose=Purpose.IMPORT)
"""Gives the chosen change a ref above those of all proposals: the latest of a task is what its review is about."""
_SOURCE = "pattern"


class VerdictService:
    """Used by the writer thread alone."""

    def __init__(
        self, board: Board, jobs: Jobs, promote: Callable[[ChosenChange], ChosenChange], choices: Choices
    ) -> None:
        self._board = board
        self._db = board.db
        self._jobs = jobs
        self._promote = promote
        self._choices = choices
        self._documents = GeneratedDocuments(board.db)
        self._promoted: dict[PatternKey, PatternVerdict] = {}
        """The verdicts whose change is being given its ref."""
        jobs.handle(PROMOTE, then=self._submit_promoted, failed=self._report_failure)

    def apply(self, progress: PatternProgress, verdict: PatternVerdict, now: float) -> None:
        """Carry it out; asking again while that goes on changes nothing."""
        match verdict.decision:
            case PatternEnd.SUBMIT:
                self._choose(progress.row, verdict, now)
            case PatternEnd.ANSWER:
                self._answer(progress, verdict, now)
            case PatternEnd.FAILED:
                self._fail(progress.row, verdict, now)
            case PatternEnd.UNDECIDED:
                self._ask_person(progress.row, verdict, now)

    # ---- to the queue

    def _choose(self, row: PatternRow, verdict: PatternVerdict, now: float) -> None:
        step = get_step(self._db, StepKey(row.task, row.attempt, verdict.of))
        if not step.number:
            with self._db.write(durable=True):
                self._submit(row, step, verdict, next_number(self._db, row.task), now)
            return
        if row.key in self._jobs.running(PROMOTE) or self._jobs.pausing(PROMOTE, row.key):
            return
        number = next_number(self._db, row.task)
        chosen = ChosenChange(task=row.task, step=step.key, number=number, commit=step.commit_id)
        self._promoted[row.key] = verdict
        self._jobs.start(PROMOTE, row.key, lambda: self._promote(chosen))

    def _submit_promoted(self, key: PatternKey, value: ChosenChange, now: float) -> None:
        row, verdict = find_pattern(self._db, *key), self._promoted.pop(key, None)
        if row is None or row.verdict or verdict is None:
            return
        step = find_step(self._db, StepKey(key.task, key.attempt, value.step))
        if step is None or self._board.task(key.task).status not in (Status.RUNNING, Status.WAITING):
            return
        self._board.clear_problems(self._board.task(key.task).path, _SOURCE)
        with self._db.write(durable=True):
            self._submit(row, step, verdict, value.number, now)

    def _submit(self, row: PatternRow, step: StepRow, verdict: PatternVerdict, number: int, now: float) -> None:
        """The chosen change goes to the merge queue, as a change of one agent alone does."""
        task, run = self._board.task(row.task), find_run(self._db, step.run)
        approval = self._needs_approval(task.path) or not step.number
        self._end(row, verdict, now)
        submission = SubmissionRow(
            task=row.task, number=number, run=step.run, attempt=row.attempt, base=step.base,
            commit_id=step.commit_id, tree=step.tree if step.number else "", state=SubmissionState.QUEUED, created=now,
            message=run.slot.missing_commits if run else "", needs_approval=approval,
            text_sha=run.start.text_sha if run else "", stacked_on=run.slot.stacked_on if run else "",
        )  # fmt: skip
        data = {"run": step.run, "number": number, "made": bool(step.number)}
        add_submission(self._db, submission, NewEvent(at=now, kind=EventKind.SUBMITTED, task=row.task, data=data))
        to = Status.RUNNING if approval else Status.MERGING
        agent = run.agent if run else task.agent_used
        self._board.transition(task.id, to, "what was chosen is being verified", now, agent_used=agent)

    def _needs_approval(self, path: str) -> bool:
        spec, settings = self._board.specs.task(path), self._board.specs.settings()
        return ApprovalPoint.MERGE in (settings.approve if spec.approve is None else spec.approve)

    def _report_failure(self, key: PatternKey, failure: JobFailed, now: float) -> None:
        with self._db.write():
            message = f"what its pattern chose could not be handed in: {failure.reason}; {failure.retry}"
            self._board.add_problem(self._board.task(key.task), _SOURCE, message, now)

    # ---- not to the queue

    def _answer(self, progress: PatternProgress, verdict: PatternVerdict, now: float) -> None:
        """A question was answered: the answer is a message, with how it was decided, and nothing lands."""
        row = progress.row
        step = get_step(self._db, StepKey(row.task, row.attempt, verdict.of))
        run, result = find_run(self._db, step.run), decode_result(step.kind, step.result)
        if run is None or not isinstance(result, RunResult):
            self._fail(row, replace(verdict, decision=PatternEnd.FAILED, reason="its answer is lost"), now)
            return
        with self._db.write(durable=True):
            self._end(row, verdict, now)
            text = f"{result.text.strip()}\n\n{decision_text(read_report(self._db, row, verdict))}\n"
            path = self._documents.add_message(run, MessageKind.REPLY, text, now, name=ANSWER, state=MessageState.DONE)
            event = NewEvent(
                at=now, kind=EventKind.QUESTION_ANSWERED, task=row.task, data={"run": run.id, "path": path, "kept": []}
            )
            add_event(self._db, event)
            task = self._board.task(row.task)
            self._board.set_status(task, Status.DONE, f"answered in {path}", now, answer_path=path, failures=0)

    def _fail(self, row: PatternRow, verdict: PatternVerdict, now: float) -> None:
        task = self._board.task(row.task)
        with self._db.write(durable=True):
            self._end(row, verdict, now)
            self._board.transition(task.id, Status.FAILED, verdict.reason, now, failures=task.failures + 1)
            if self._board.specs.task(task.path).on_error is OnError.ABORT:
                self._db.state.halted_by = task.id

    def _ask_person(self, row: PatternRow, verdict: PatternVerdict, now: float) -> None:
        with self._db.write(durable=True):
            self._end(row, verdict, now)
            self._choices.ask(row, verdict, now)
            self._board.transition(row.task, Status.WAITING, verdict.reason, now)

    def _end(self, row: PatternRow, verdict: PatternVerdict, now: float) -> None:
        data = {
            "pattern": decode_spec(row.spec).request.name,
            "decision": verdict.decision,
            "of": verdict.of,
            "reason": verdict.reason,
        }
        event = NewEvent(at=now, kind=EventKind.PATTERN_ENDED, task=row.task, data=data)
        end_pattern(self._db, row, encode_verdict(verdict), event)
