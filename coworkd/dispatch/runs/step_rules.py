"""What follows from the end of a run that is a step of a pattern.

Pure, as `after_run` is for a task that one agent works on alone. The difference: what the run left is the result of its
step, and the pattern decides what becomes of the task. A step that fails is tried again as often as a task is, with the
same pauses; then it is absent. A task that was stopped keeps its steps as they are, so that it goes on with them.
"""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.model import Mode, RiskLevel, Status
from coworkd.core.reply_blocks import BlockKind, ReplyBlock
from coworkd.core.runs import RunReason, StopRequest
from coworkd.dispatch.executors.slot_results import (
    FinishResult,
    Imported,
    MachineFailed,
    NoChanges,
    SavedWork,
    SlotDeferred,
    SlotFailed,
)
from coworkd.dispatch.patterns.steps import RunOutcome, RunResult, RunStep, StepTree
from coworkd.dispatch.runs.after_run import INTERRUPTED, RETRY_SLOT_AFTER, agent_effects
from coworkd.dispatch.runs.attempt_end import attempt_outcome
from coworkd.dispatch.runs.effects import (
    AskAgain,
    CoolDown,
    CorrectEnd,
    Effect,
    EndStep,
    Hold,
    HoldStart,
    Requeue,
    RetryStep,
    StepWork,
)
from coworkd.dispatch.runs.failure_text import LONG_REASON, describe_error, first_line, with_detail
from coworkd.dispatch.runs.run_ends import AfterRunContext, NotStarted, StartFailure
from coworkd.dispatch.scheduling.agent_stops import stopping_error
from coworkd.dispatch.scheduling.cooldowns import cooldown_error
from coworkd.dispatch.scheduling.retry_policy import AttemptOutcome, RetryAfter, decide_retry
from coworkd.store import StepRow

_AT_WORK = (Status.RUNNING, Status.WAITING)


_FINDERS = frozenset({BlockKind.FINDINGS, BlockKind.VERDICT})
"""Who may find something may add files, such as a test that fails: the proof of a finding is run with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepContext:
    """The step of the run that ended, and what was read from its reply."""

    row: StepRow
    step: RunStep
    block: ReplyBlock | None
    """None: its reply has no block that can be read, or needs none."""
    unreadable_reason: str = ""
    """Why the block that it needs cannot be read; empty: it was, or none is needed."""
    earlier_reply: str = ""
    """What it said before it was asked for the block alone."""

    @property
    def writes(self) -> bool:
        """Whether what the run changed is submitted for the pattern to choose from."""
        return is_writing(self.step) and not self.row.asked_again


def is_writing(step: RunStep) -> bool:
    """Whether what a step changes is submitted for the pattern to choose from."""
    return step.tree is not StepTree.READ


def step_mode(step: RunStep, task_mode: Mode) -> Mode:
    """What the agent of a step may do: who only judges, or works on a question, only reads."""
    if task_mode is Mode.ANSWER:
        return Mode.ANSWER
    return Mode.BUILD if is_writing(step) or step.block in _FINDERS else Mode.ANSWER


def after_step(case: AfterRunContext, context: StepContext, end: FinishResult | StartFailure) -> tuple[Effect, ...]:
    """Everything that follows."""
    match end:
        case SlotDeferred() | SlotFailed() | MachineFailed() | NotStarted():
            return _after_not_started(case, end)
        case Imported() | NoChanges() | SavedWork():
            return (*agent_effects(case), *_after_finished(case, context, end))


def _after_not_started(case: AfterRunContext, end: StartFailure) -> tuple[Effect, ...]:
    hold = (Hold(fault=end.fault),) if isinstance(end, MachineFailed) else ()
    if case.task.status not in _AT_WORK or case.run.stop:
        return (*hold, *_after_stop(case))
    match end:
        case SlotDeferred(reason=reason):
            return (RetryStep(reason=reason, not_before=case.now + RETRY_SLOT_AFTER),)
        case SlotFailed(fault=fault):
            return (HoldStart(fault=fault),)
        case NotStarted():
            return (RetryStep(reason="its agent is gone", not_before=case.now),)
        case MachineFailed(fault=fault):
            return (*hold, RetryStep(reason=str(fault), not_before=case.now))


def _after_stop(case: AfterRunContext) -> tuple[Effect, ...]:
    """The step stays asked for. With the daemon's own end the task begins again, once no run of it is left."""
    shut_down = case.run.stop is StopRequest.SHUTDOWN and case.task.status in _AT_WORK
    return (Requeue(reason=INTERRUPTED),) if shut_down and not case.policy.other_runs else ()


def _after_finished(case: AfterRunContext, context: StepContext, result: FinishResult) -> tuple[Effect, ...]:
    run = case.run
    if run.stop is StopRequest.BUDGET or run.state.reason is RunReason.BUDGET:
        return (RetryStep(reason=first_line(run.state.message) or str(StopRequest.BUDGET), not_before=case.now),)
    if run.stop or case.task.status not in _AT_WORK:
        return _after_stop(case)
    if run.state.reason is RunReason.DONE and not _unusable_reason(context, result):
        return _after_done(case, context, result)
    return _after_failure(case, context, result)


def _unusable_reason(context: StepContext, result: FinishResult) -> str:
    return result.unusable_reason if isinstance(result, SavedWork) and context.writes else ""


# ---- it did what it was asked for


def _after_done(case: AfterRunContext, context: StepContext, result: FinishResult) -> tuple[Effect, ...]:
    work = _work_of(case, context, result)
    if context.unreadable_reason and not context.row.asked_again:
        return (AskAgain(reason=context.unreadable_reason, work=work),)
    if context.unreadable_reason:
        return (EndStep(result=_absent(context.unreadable_reason), work=work),)
    changed = bool(work.number) or not is_writing(context.step)
    text = "\n\n".join(part for part in (context.earlier_reply, case.run.reply) if part)
    done = RunResult(
        outcome=RunOutcome.DONE if changed else RunOutcome.UNCHANGED, text=text, block=context.block,
        tree=work.tree if is_writing(context.step) else "",
        risk=result.risk if isinstance(result, Imported) else RiskLevel.LOW,
    )  # fmt: skip
    return (EndStep(result=done, work=work),)


def _absent(reason: str) -> RunResult:
    return RunResult(outcome=RunOutcome.ABSENT, reason=reason)


def _work_of(case: AfterRunContext, context: StepContext, result: FinishResult) -> StepWork:
    """What it left. A run that was asked for its block alone adds nothing to what the run before it left."""
    run, row = case.run, context.row
    if row.asked_again:
        return StepWork(number=row.number, commit=row.commit_id, tree=row.tree, base=row.base)
    match result:
        case Imported(commit=commit, tree=tree):
            return StepWork(number=run.state.submission, commit=commit, tree=tree, base=run.slot.base)
        case NoChanges():
            return StepWork(commit=run.slot.base, base=run.slot.base)
        case SavedWork(commit=commit, tree=tree):
            return StepWork(commit=commit, tree=tree, base=run.slot.base)


# ---- it did not


def _after_failure(case: AfterRunContext, context: StepContext, result: FinishResult) -> tuple[Effect, ...]:
    run, unusable = case.run, _unusable_reason(context, result)
    if run.state.reason is RunReason.MACHINE:
        return _retry(case, context, AttemptOutcome.MACHINE, run.state.message)
    if unusable:
        failed = _retry(case, context, AttemptOutcome.UNUSABLE_SUBMISSION, unusable)
        return (CorrectEnd(message=unusable), *failed)
    error = stopping_error(run)
    if error or (error := cooldown_error(run)):
        reason = describe_error(run, LONG_REASON)
        correct = CorrectEnd(reason=RunReason.UNAVAILABLE)
        return (correct, CoolDown(error=error, stop=stopping_error(run) is not None, reason=reason))
    return _retry(case, context, attempt_outcome(run), describe_error(run))


def _retry(case: AfterRunContext, context: StepContext, outcome: AttemptOutcome, detail: str) -> tuple[Effect, ...]:
    """Once more, as often and after such pauses as a task is tried; then the step is absent."""
    hold: tuple[Effect, ...] = ()
    if outcome is not AttemptOutcome.MACHINE and (fault := case.policy.machine_fault()) is not None:
        outcome, detail, hold = AttemptOutcome.MACHINE, str(fault), (Hold(fault=fault),)
    counted = outcome not in (AttemptOutcome.MACHINE, AttemptOutcome.UNAVAILABLE)
    failures = context.row.failures + counted
    decision = decide_retry(outcome, failures, case.policy.retry, case.policy.jitter)
    text = with_detail(decision.reason, first_line(detail), "")
    if isinstance(decision, RetryAfter):
        return (*hold, RetryStep(reason=text, not_before=case.now + decision.pause, failures=failures))
    return (*hold, EndStep(result=_absent(text), work=StepWork()))
