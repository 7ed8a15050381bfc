"""What follows from the end of a run.

Pure: the run, how it ended, its task and what the settings say of both go in; effects come out, to be applied in one
transaction. Where the task was taken elsewhere meanwhile, nothing follows: that change has settled it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from coworkd.agents.port import ErrorKind
from coworkd.core.model import Mode, Status
from coworkd.core.runs import RunReason, StopRequest, SubmittingState
from coworkd.core.task_states import WITH_SUBMISSION
from coworkd.dispatch.executors.slot_results import (
    FinishResult,
    Imported,
    MachineFailed,
    NoChanges,
    SavedWork,
    SlotDeferred,
    SlotFailed,
)
from coworkd.dispatch.runs.attempt_end import after_failure, after_loop_round, attempt_outcome
from coworkd.dispatch.runs.effects import (
    AgentFailedAtOnce,
    AgentWorks,
    AnswerGiven,
    CorrectEnd,
    Effect,
    Fallback,
    Hold,
    HoldStart,
    PlanReview,
    RepeatConflict,
    Requeue,
    Submit,
    WaitAgain,
)
from coworkd.dispatch.runs.failure_text import (
    LONG_REASON,
    describe_error,
    first_line,
    last_words,
    refused_hint,
)
from coworkd.dispatch.runs.run_ends import (
    AfterRunContext,
    AfterRunPolicy,
    NotStarted,
    RunEnd,
    StartFailure,
    SubmissionSentBack,
)
from coworkd.dispatch.scheduling.agent_stops import failed_at_once, stopping_error
from coworkd.dispatch.scheduling.cooldowns import cooldown_error
from coworkd.dispatch.scheduling.retry_policy import NOT_RETRYABLE, AttemptOutcome
from coworkd.store import FinishedRun, RunRow, TaskRow

RETRY_SLOT_AFTER = 2.0
"""Seconds before a run is prepared again that the branches stood in the way of."""

RETRY_STACK_AFTER = 60.0
"""Seconds before that where another task has to go on first."""

INTERRUPTED = "interrupted when coworkd stopped"
NO_ANSWER = "it ended without an answer"

_AT_WORK = (Status.RUNNING, Status.WAITING)


def after_run(run: FinishedRun, end: RunEnd, task: TaskRow, policy: AfterRunPolicy, now: float) -> tuple[Effect, ...]:
    """Everything that follows."""
    case = _FinishedRunCase(run=run, task=task, policy=policy, now=now)
    match end:
        case SubmissionSentBack():
            return case.after_sent_back(end)
        case SlotDeferred() | SlotFailed() | MachineFailed() | NotStarted():
            return case.after_not_started(end)
        case Imported() | NoChanges() | SavedWork():
            return (*agent_effects(case), *case.after_finished(end))


def agent_effects(case: AfterRunContext) -> tuple[Effect, ...]:
    """What its end says of the agent: one that came to an end of its own is available."""
    run = case.run
    no_end_of_its_own = run.stop or run.state.reason is RunReason.MACHINE or cooldown_error(run) is not None
    if case.policy.agent is None or no_end_of_its_own:
        return ()
    if not failed_at_once(run):
        return (AgentWorks(started=stopping_error(run) is None),)
    # Where the machine is at fault nothing is learned of the agent.
    return () if case.policy.machine_fault() is not None else (AgentFailedAtOnce(last_words=last_words(run)),)


def attribute_end(run: RunRow, state: SubmittingState, result: FinishResult) -> SubmittingState:
    """How the run came to its end: one that could not write its files was kept from its work by the machine."""
    unfinished = isinstance(result, SavedWork) and bool(result.unusable_reason or run.iteration)
    nothing = isinstance(result, NoChanges) or unfinished
    if not run.fault or run.stop or state.reason is not RunReason.DONE or not nothing:
        return state
    return replace(state, reason=RunReason.MACHINE, message=run.fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FinishedRunCase(AfterRunContext):
    """One run that ended."""

    # ---- runs that never began

    def after_not_started(self, end: StartFailure) -> tuple[Effect, ...]:
        hold = (Hold(fault=end.fault),) if isinstance(end, MachineFailed) else ()
        if self.task.status is not Status.RUNNING or self.policy.other_runs:
            return hold
        if self.run.stop and not isinstance(end, SlotDeferred | MachineFailed):
            return self._after_stop()
        match end:
            case SlotDeferred(reason=reason):
                pause = RETRY_STACK_AFTER if end.lasting else RETRY_SLOT_AFTER
                return (WaitAgain(reason=reason, not_before=self.now + pause),)
            case SlotFailed(fault=fault):
                return (HoldStart(fault=fault),)
            case NotStarted():
                return (Requeue(reason="its agent is gone", not_before=self.now),)
            case MachineFailed(fault=fault) if self.run.conflict:
                return (*hold, WaitAgain(reason=str(fault), not_before=self.now))
            case MachineFailed(fault=fault):
                return (*hold, *after_failure(self, AttemptOutcome.MACHINE, str(fault)))

    # ---- runs whose agents came to an end

    def after_finished(self, result: FinishResult) -> tuple[Effect, ...]:
        run = self.run
        submits = not run.stop and run.state.reason is RunReason.DONE and not isinstance(result, SavedWork)
        if self.policy.other_runs and not submits:
            return ()
        if self.task.status not in ((*_AT_WORK, Status.MERGING) if submits else _AT_WORK):
            return ()
        if run.stop:
            return self._after_stop()
        if run.mode is Mode.PLAN and run.state.reason is RunReason.DONE and isinstance(result, SavedWork):
            return (PlanReview(refs=result.refs),)
        if run.mode is Mode.ANSWER and run.state.reason is RunReason.DONE and isinstance(result, SavedWork):
            return self._after_answer(result)
        if run.state.reason is RunReason.MACHINE:
            return after_failure(self, AttemptOutcome.MACHINE, run.state.message)
        if isinstance(result, SavedWork):
            return self._after_saved_work(result)
        if isinstance(result, NoChanges) and self.policy.loop:
            return after_loop_round(self, self.policy.loop, "")
        return self._after_submission(result)

    def _after_answer(self, saved: SavedWork) -> tuple[Effect, ...]:
        if self.run.reply.strip():
            return (AnswerGiven(refs=saved.refs),)
        return (CorrectEnd(message=NO_ANSWER), *after_failure(self, AttemptOutcome.FAILED, NO_ANSWER))

    def _after_stop(self) -> tuple[Effect, ...]:
        """The run was told to stop: the stop request has set the task's status, except for these reasons."""
        if self.run.stop is StopRequest.SHUTDOWN:
            return (Requeue(reason=INTERRUPTED),)
        if self.run.stop is StopRequest.BUDGET:
            return self._after_budget_end()
        return ()

    def _after_budget_end(self) -> tuple[Effect, ...]:
        """It goes on, in its session if it has one, once there is more to use."""
        return (Requeue(reason=first_line(self.run.state.message) or str(StopRequest.BUDGET), not_before=self.now),)

    def _after_submission(self, result: Imported | NoChanges) -> tuple[Effect, ...]:
        if self.run.conflict and isinstance(result, NoChanges) and not result.merged_tip:
            return _repeat_conflict("its last round changed nothing")
        approval = self.policy.merge_approval or isinstance(result, NoChanges)
        to = Status.RUNNING if approval or self.policy.other_runs else Status.MERGING
        return (Submit(result=result, needs_approval=approval, status=to),)

    def _after_saved_work(self, saved: SavedWork) -> tuple[Effect, ...]:
        run, loop = self.run, self.policy.loop
        if saved.unusable_reason and loop:
            return after_loop_round(self, loop, saved.unusable_reason)
        if saved.unusable_reason and run.conflict:
            return _repeat_conflict(saved.unusable_reason)
        if saved.unusable_reason:
            failed = after_failure(self, AttemptOutcome.UNUSABLE_SUBMISSION, saved.unusable_reason)
            return (CorrectEnd(message=saved.unusable_reason), *failed)
        if run.state.reason is RunReason.BUDGET:
            return self._after_budget_end()
        if error := stopping_error(run):
            return self._fall_back(error, stop=True)
        if (error := cooldown_error(run)) and self._may_fall_back():
            return self._fall_back(error, stop=False)
        if self.policy.agent_failing and failed_at_once(run):
            return (Requeue(reason=f"agent {run.agent} failed at once again; no attempt is used", not_before=self.now),)
        outcome = attempt_outcome(run)
        if loop and outcome not in NOT_RETRYABLE:
            return after_loop_round(
                self, loop, "" if run.state.reason is RunReason.DONE else f"{outcome}: {run.state.message}"
            )
        return after_failure(self, outcome, describe_error(run), hint=refused_hint(run))

    def _may_fall_back(self) -> bool:
        """False for a program that merely says it cannot work now, and has no fallback: it is retried."""
        agent = self.policy.agent
        return agent is not None and bool(self.run.error or agent.fallback or self.run.fallback)

    def _fall_back(self, error: ErrorKind, *, stop: bool) -> tuple[Effect, ...]:
        reason = describe_error(self.run, LONG_REASON)
        return (CorrectEnd(reason=RunReason.UNAVAILABLE), Fallback(error=error, stop=stop, reason=reason))

    # ---- what the merge queue sends back

    def after_sent_back(self, end: SubmissionSentBack) -> tuple[Effect, ...]:
        if self.task.status not in WITH_SUBMISSION:
            return ()
        if self.run.fault:
            corrected = CorrectEnd(reason=RunReason.MACHINE, message=self.run.fault)
            return (corrected, *after_failure(self, AttemptOutcome.MACHINE, self.run.fault))
        corrected = CorrectEnd(reason=RunReason.VERIFICATION_FAILED, message=end.message)
        failed = AttemptOutcome.VERIFICATION_FAILED
        if self.policy.loop:
            return (corrected, *after_loop_round(self, self.policy.loop, end.message or str(failed)))
        hint = f"the whole output: .cowork/{end.log}" if end.log else ""
        return (corrected, *after_failure(self, failed, end.message, hint=hint))


def _repeat_conflict(reason: str) -> tuple[Effect, ...]:
    """A round has failed; the next one is told why."""
    return (CorrectEnd(message=reason), RepeatConflict(reason=first_line(reason)))
