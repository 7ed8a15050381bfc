"""Applying what follows from the end of a run: rows, events, files and holds, in one transaction."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from coworkd.board.task_board import Board
from coworkd.core.clock import iso
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.core.start_faults import FaultScope, StartFault
from coworkd.dispatch.executors.slot_results import Imported, NoChanges
from coworkd.dispatch.runs.conflict_rounds import repeat_conflict, retry_conflict, return_conflict
from coworkd.dispatch.runs.effects import (
    AgentFailedAtOnce,
    AgentWorks,
    AnswerGiven,
    AskAgain,
    CoolDown,
    CorrectEnd,
    Effect,
    EndRound,
    EndStep,
    Fail,
    Fallback,
    Hold,
    HoldStart,
    PlanReview,
    RepeatConflict,
    Requeue,
    Retry,
    RetryStep,
    Submit,
    WaitAgain,
)
from coworkd.dispatch.runs.plan_mode import PlanRuns
from coworkd.dispatch.runs.step_effects import StepEffects
from coworkd.dispatch.scheduling.agent_selection import AgentSelector
from coworkd.dispatch.scheduling.machine_hold import MachineHold
from coworkd.dispatch.scheduling.setup_hold import SetupHold
from coworkd.dispatch.scheduling.task_hold import TaskHold
from coworkd.store import FinishedRun, SubmissionRow, SubmissionState, TaskRow
from coworkd.store.events import NewEvent
from coworkd.store.runs import correct_end
from coworkd.store.submissions import add_submission, conflict_of


class RunEffects:
    """Used by the writer thread alone."""

    def __init__(
        self,
        board: Board,
        machine_hold: MachineHold,
        setup_hold: SetupHold,
        jitter: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        self._board = board
        self._db = board.db
        self._machine_hold = machine_hold
        self._setup_hold = setup_hold
        self._task_hold = TaskHold(board)
        self._agents = AgentSelector(board)
        self._plans = PlanRuns(board)
        self._steps = StepEffects(board, self._agents, jitter)
        self.jitter = jitter

    def apply(self, run: FinishedRun, effects: Sequence[Effect], now: float) -> None:
        """Apply all of them; inside of a transaction."""
        for effect in effects:
            match effect:
                case Requeue() | WaitAgain() | RepeatConflict() | Retry() | Fail() | Fallback() | HoldStart():
                    self._move_task(run, effect, now)
                case Submit():
                    self._submit(run, effect, now)
                case PlanReview():
                    self._plans.add_plan(self._board.task(run.task), run, effect.refs, now)
                case AnswerGiven():
                    self._finish_question(run, effect, now)
                case Hold():
                    self._machine_hold.hold_runs(effect.fault, now)
                case AgentWorks() | AgentFailedAtOnce():
                    self._judge_agent(run, effect, now)
                case EndRound() | CorrectEnd():
                    self._record(run, effect, now)
                case EndStep() | RetryStep() | AskAgain() | CoolDown():
                    self._steps.apply(run, effect, now)

    def _move_task(
        self,
        run: FinishedRun,
        effect: Requeue | WaitAgain | RepeatConflict | Retry | Fail | Fallback | HoldStart,
        now: float,
    ) -> None:
        task = self._board.task(run.task)
        match effect:
            case Requeue():
                until = task.not_before if effect.not_before is None else effect.not_before
                self._wait_again(run, task, effect.reason, until, now)
            case WaitAgain():
                self._wait_again(run, task, effect.reason, effect.not_before, now)
            case RepeatConflict(reason=reason):
                repeat_conflict(self._board, run, reason, now)
            case Retry() if run.conflict:
                retry_conflict(self._board, run, effect, now)
            case Retry():
                self._retry(task, effect, now)
            case Fail():
                self._fail(task, effect, now)
            case Fallback():
                self._fall_back(run, task, effect, now)
            case HoldStart():
                self._hold_start(run, task, effect.fault, now)

    def _finish_question(self, run: FinishedRun, effect: AnswerGiven, now: float) -> None:
        """The task is done without a review and without a landing: there is nothing that could land."""
        path = run.state.message_path
        self._db.event(now, EventKind.QUESTION_ANSWERED, task=run.task, run=run.id, path=path, kept=list(effect.refs))
        task = self._board.task(run.task)
        self._board.set_status(task, Status.DONE, f"answered in {path}", now, answer_path=path, failures=0)

    def _requeue(self, task: TaskRow, reason: str, until: float, now: float) -> None:
        """The task is ready as before; its attempt does not count."""
        self._board.transition(task.id, Status.READY, reason, now, attempt=task.attempt - 1, not_before=until)

    def _wait_again(self, run: FinishedRun, task: TaskRow, reason: str, until: float, now: float) -> None:
        if run.conflict:
            return_conflict(self._board, run, f"its conflict waits: {reason}", until, now)
        else:
            self._requeue(task, reason, until, now)

    def _hold_start(self, run: FinishedRun, task: TaskRow, fault: StartFault, now: float) -> None:
        if fault.scope is FaultScope.TASK:
            reason, until = self._task_hold.hold_task(task, fault, now)
        else:
            reason, until = self._setup_hold.hold_runs(fault, now), now
        if run.step:
            self._steps.apply(run, RetryStep(reason=reason, not_before=until), now)
        else:
            self._wait_again(run, task, reason, until, now)

    def _retry(self, task: TaskRow, effect: Retry, now: float) -> None:
        attempt = task.attempt if effect.counted else task.attempt - 1
        self._board.transition(
            task.id, Status.READY, effect.reason, now, failures=effect.failures, not_before=effect.not_before,
            attempt=attempt,
        )  # fmt: skip

    def _fail(self, task: TaskRow, effect: Fail, now: float) -> None:
        self._board.transition(task.id, Status.FAILED, effect.reason, now, failures=effect.failures)
        if effect.abort:
            self._db.state.halted_by = task.id

    def _record(self, run: FinishedRun, effect: EndRound | CorrectEnd, now: float) -> None:
        """What the run's own row says of its end."""
        if isinstance(effect, EndRound):
            correct_end(self._db, run.id, message=effect.reason)
            self._db.event(now, EventKind.ROUND_ENDED, task=run.task, run=run.id, round=run.iteration,
                           kept=run.state.kept_commit, reason=effect.reason)  # fmt: skip
            return
        if effect.reason is not None:
            correct_end(self._db, run.id, reason=effect.reason)
        if effect.message is not None:
            correct_end(self._db, run.id, message=effect.message)

    # ---- agents

    def _judge_agent(self, run: FinishedRun, effect: AgentWorks | AgentFailedAtOnce, now: float) -> None:
        agent = self._agents.agent(run.agent)
        if agent is None:
            return
        self._agents.cooldowns.clear(agent, run, now)
        if isinstance(effect, AgentFailedAtOnce):
            self._agents.stops.count_failure(run, effect.last_words, now)
        elif effect.started:
            self._agents.stops.worked(run.agent, now)

    def _fall_back(self, run: FinishedRun, task: TaskRow, effect: Fallback, now: float) -> None:
        """Stop the agent or have it cool down, and say who takes over, or until when the task waits."""
        spec, agent = self._board.specs.task(task.path), self._agents.agent(run.agent)
        if effect.stop or agent is None:
            self._agents.stops.stop(run, effect.error, effect.reason, now)
            choice, reason = self._agents.select(spec, now), self._agents.stopped_reason(run.agent)
            wait, until = reason, now
        else:
            backoff = self._board.specs.settings().backoff
            self._agents.cooldowns.start(agent, run, effect.error, backoff, now, self.jitter())
            choice = self._agents.select(spec, now)
            reason = f"{run.agent} is unavailable ({effect.error.replace('_', ' ')})"
            wait, until = f"{reason}; waits until {iso(choice.until)}", choice.until
        if choice.until > now:
            self._requeue(task, wait, until, now)
        else:
            self._requeue(task, f"{reason}; {choice.agent} takes over", now, now)

    # ---- submissions

    def _submit(self, run: FinishedRun, effect: Submit, now: float) -> None:
        task, result = self._board.task(run.task), effect.result
        made = isinstance(result, Imported)
        conflict = conflict_of(self._db, run.task, run.conflict) if run.conflict else None
        row = SubmissionRow(
            task=task.id, number=run.state.submission, run=run.id, attempt=run.attempt,
            base=_resolution_base(conflict, result) if conflict else run.slot.base,
            commit_id=result.commit if made else run.slot.base, tree=result.tree if made else "",
            state=SubmissionState.QUEUED, created=now, message="\n".join([*_remarks(run), *result.notices]),
            needs_approval=effect.needs_approval, text_sha=run.start.text_sha,
            conflict=conflict.conflict if conflict else "", stacked_on=run.slot.stacked_on,
        )  # fmt: skip
        data = {"run": run.id, "number": row.number, "made": made}
        event = NewEvent(at=now, kind=EventKind.SUBMITTED, task=task.id, actor="agent", data=data)
        add_submission(self._db, row, event)
        if not run.conflict:
            self._board.update(task.id, conflict_rounds=0)
        if task.status is not Status.MERGING:
            self._board.transition(task.id, effect.status, "what it made is being verified", now)


def _resolution_base(conflict: SubmissionRow, result: Imported | NoChanges) -> str:
    """Where the work left the integration branch that resolves a conflict: the slot began on the submission itself."""
    return conflict.tip_to_merge if result.merged_tip else conflict.base


def _remarks(run: FinishedRun) -> list[str]:
    """What a reviewer should know of how it was made."""
    remarks: list[str] = []
    if run.slot.missing_commits:
        remarks.append(f"made without these commits of the target: {', '.join(run.slot.missing_commits.splitlines())}")
    if run.fault:
        remarks.append(f"while it worked: {run.fault}")
    return remarks
