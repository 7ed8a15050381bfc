"""How runs end: what they left is imported or kept, and what follows is decided and applied."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from coworkd.board.generated_documents import ANSWER, GeneratedDocuments, final_state
from coworkd.board.task_board import Board
from coworkd.core.check_names import check_log
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import ApprovalPoint, MessageKind, Mode
from coworkd.core.runs import EndedState, RunSlot, SubmittingState
from coworkd.dispatch.executors.slot_results import (
    FinishRequest,
    FinishResult,
    MachineFailed,
    NoChanges,
    SavedWork,
    SlotDeferred,
    SlotFailed,
)
from coworkd.dispatch.runs.after_run import after_run, attribute_end
from coworkd.dispatch.runs.effects import AskAgain, Effect, EndStep, Submit
from coworkd.dispatch.runs.loop_rounds import earlier_rounds
from coworkd.dispatch.runs.result_message import result_message
from coworkd.dispatch.runs.run_effects import RunEffects
from coworkd.dispatch.runs.run_ends import (
    AfterRunContext,
    AfterRunPolicy,
    NotStarted,
    StartFailure,
    SubmissionSentBack,
)
from coworkd.dispatch.runs.start_rules import loop_of
from coworkd.dispatch.runs.step_reader import StepReader
from coworkd.dispatch.runs.step_rules import after_step
from coworkd.dispatch.scheduling.agent_stops import AgentStops
from coworkd.dispatch.scheduling.machine_hold import MachineHold
from coworkd.dispatch.scheduling.retry_policy import RetryPolicy
from coworkd.store import FinishedRun, RunReason, RunRow, StopRequest, SubmissionRow, TaskRow
from coworkd.store.runs import find_ended_run, live_runs_of, move_run, run_event
from coworkd.store.submissions import (
    conflicted_submissions,
    failed_submissions,
    next_number,
    retire_submission,
    tip_to_merge,
)
from coworkd.system.background_jobs import Job, Jobs, Purpose

FINISH: Job[str, FinishResult | MachineFailed] = Job(name="finish", purpose=Purpose.IMPORT)
"""Imports what a run left; its subject is the run."""


class RunFinisher:
    """Ends runs; used by the writer thread alone."""

    def __init__(
        self,
        board: Board,
        jobs: Jobs,
        finish: Callable[[FinishRequest], FinishResult | MachineFailed],
        machine_hold: MachineHold,
        effects: RunEffects,
    ) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._jobs = jobs
        self._finish = finish
        self._machine_hold = machine_hold
        self._effects = effects
        self._stops = AgentStops(board.db)
        self._steps = StepReader(board.db)

    # ---- the work that a run left

    def import_work(self, run: RunRow, state: SubmittingState) -> None:
        """Have the work of an ended run looked after; asking again while that goes on changes nothing."""
        row = self._board.task(run.task)
        request = FinishRequest(
            slot=run.slot.number, task=run.task, run=run.id, number=state.submission, agent=run.agent,
            base=run.slot.base, tip=tip_to_merge(self._db, run.task, run.conflict), submit=bool(state.submission),
            message=f"{row.title}\n\nCowork-Task: {run.task}\nCowork-Run: {run.id}", secrets=self._board.secrets(),
            proposal=bool(run.step),
        )  # fmt: skip
        self._db.after_commit(lambda: self._jobs.start(FINISH, run.id, lambda: self._finish(request)))

    def reserve_number(self, run: RunRow, reason: RunReason) -> int:
        """The number of the submission of a run whose agent has ended so, for the transaction that records this end.

        Another run of the task that ends now gets another one, and so another ref. 0: it submits nothing.
        """
        return next_number(self._db, run.task) if self._is_submission(run, reason) else 0

    def _is_submission(self, run: RunRow, reason: RunReason) -> bool:
        if run.stop or reason is not RunReason.DONE or not run.slot.base or run.mode.reads_only:
            return False
        if run.step:
            context = self._steps.context(run)
            return context is not None and context.writes
        loop = loop_of(run)
        return loop is None or loop.is_promised(run.reply)

    # ---- what follows

    def record_finished(self, run: RunRow, state: SubmittingState, result: FinishResult, now: float) -> None:
        """The work is safe: the run is over, and its task goes on from here."""
        with self._db.write(durable=True):
            ended = self._ended_run(run, attribute_end(run, state, result), result, now)
            task = self._board.task(run.task)
            effects = self._effects_of(ended, result, task, now)
            if not any(isinstance(effect, Submit | EndStep | AskAgain) for effect in effects):
                ended = ended.ended(replace(ended.state, submission=0))
            notices = result.refs if isinstance(result, SavedWork) else result.notices
            event = run_event(run, now, EventKind.RUN_ENDED, reason=ended.state.reason, notices=list(notices))
            move_run(self._db, run.id, ended.state, event)
            self._board.update_cost(run.task)
            self._effects.apply(ended, effects, now)

    def record_not_started(self, run: RunRow, end: StartFailure, now: float) -> None:
        """The run is over before its agent began; that uses up no attempt."""
        reason, message = _start_failure(end)
        ended = run.ended(EndedState(at=now, reason=reason, message=message))
        with self._db.write():
            move_run(
                self._db, run.id, ended.state, run_event(run, now, EventKind.RUN_ENDED, reason=reason, why=message)
            )
            task = self._board.task(run.task)
            self._effects.apply(ended, self._effects_of(ended, end, task, now), now)

    def _effects_of(
        self, run: FinishedRun, end: FinishResult | StartFailure, task: TaskRow, now: float
    ) -> tuple[Effect, ...]:
        """What follows for its task, or for the step of a pattern that it is."""
        policy, step = self._after_run_policy(run, task), self._steps.context(run)
        if step is None:
            return after_run(run, end, task, policy, now) if not run.step else ()
        return after_step(AfterRunContext(run=run, task=task, policy=policy, now=now), step, end)

    def take_back_failed(self, now: float) -> list[SubmissionRow]:
        """Take back submissions whose verification failed; returns those that conflict and need their author."""
        for submission in failed_submissions(self._db):
            with self._db.write():
                retire_submission(self._db, submission, "its checks failed", now, message=submission.message)
                self._record_sent_back(submission, now)
        return conflicted_submissions(self._db)

    def _record_sent_back(self, submission: SubmissionRow, now: float) -> None:
        run = find_ended_run(self._db, submission.run) or _unknown_run(submission)
        # The commands run one after another, and the one that is red is the last.
        checks = len(json.loads(submission.checks))
        log = check_log(submission.task, checks) if checks else ""
        task, end = self._board.task(submission.task), SubmissionSentBack(message=submission.message, log=log)
        self._effects.apply(run, after_run(run, end, task, self._after_run_policy(run, task), now), now)

    def _ended_run(self, run: RunRow, state: SubmittingState, result: FinishResult, now: float) -> FinishedRun:
        """The run as it ends, with the message that says so."""
        reason = _ended_reason(run.stop, state.reason)
        body = result_message(run, state, result)
        path = self._add_last_message(run, reason, body, now)
        kept, tree = (run.slot.base, "") if isinstance(result, NoChanges) else (result.commit, result.tree)
        return run.ended(
            EndedState(
                at=now, reason=reason, message=state.message, message_path=path, kept_commit=kept, tree=tree,
                submission=state.submission,
            )
        )  # fmt: skip

    def _add_last_message(self, run: RunRow, reason: RunReason, body: str, now: float) -> str:
        """What the run leaves in the thread; returns its path."""
        alone = run.mode is Mode.ANSWER and not run.step
        answers = alone and reason is RunReason.DONE and bool(run.reply.strip())
        kind, name = (MessageKind.REPLY, ANSWER) if answers else (MessageKind.RESULT, "")
        return self._documents.add_message(run, kind, body, now, name=name, state=final_state(reason))

    def _after_run_policy(self, run: FinishedRun, task: TaskRow) -> AfterRunPolicy:
        """What there is to say about what may follow."""
        spec, settings = self._board.specs.task(task.path), self._board.specs.settings()
        retry = RetryPolicy(
            on_error=spec.on_error, max_attempts=spec.max_attempts or settings.max_attempts, backoff=settings.backoff
        )
        loop = loop_of(run)
        return AfterRunPolicy(
            retry=retry,
            jitter=self._effects.jitter(),
            merge_approval=ApprovalPoint.MERGE in (settings.approve if spec.approve is None else spec.approve),
            loop=loop,
            rounds=earlier_rounds(self._db, run, loop) if loop else (),
            agent=self._board.specs.agent(run.agent),
            agent_failing=self._stops.failing(run.agent),
            other_runs=any(other.id != run.id for other in live_runs_of(self._db, task.id)),
            machine_fault=self._machine_hold.fault,
        )


def _unknown_run(submission: SubmissionRow) -> FinishedRun:
    """Stands for a run that a lost database knew of, and this one does not."""
    return FinishedRun(
        id=submission.run, task=submission.task, attempt=submission.attempt, agent="", started=0.0,
        state=EndedState(at=0.0, reason=RunReason.NONE), slot=RunSlot(base=submission.base),
    )  # fmt: skip


def _start_failure(end: StartFailure) -> tuple[RunReason, str]:
    """How the record of a run says that it never began."""
    match end:
        case SlotFailed(fault=fault):
            return RunReason.SETUP, fault.output or fault.reason
        case MachineFailed(fault=fault):
            return RunReason.MACHINE, str(fault)
        case SlotDeferred(reason=reason):
            return RunReason.CANCELLED, reason
        case NotStarted():
            return RunReason.CANCELLED, ""


def _ended_reason(stop: StopRequest, reason: RunReason) -> RunReason:
    """How its record says that the run ended: one that was stopped for something else than its budget was cancelled."""
    if stop is StopRequest.BUDGET:
        return RunReason.BUDGET
    return RunReason.CANCELLED if stop else reason
