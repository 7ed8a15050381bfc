"""What follows from the end of a run that is a step of a pattern, row by row."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from coworkd.agents.port import ErrorKind
from coworkd.core.machine_faults import FaultKind, MachineFault
from coworkd.core.model import AgentSpec, Mode, OnError, Status
from coworkd.core.reply_blocks import BlockKind, Decision, VerdictBlock
from coworkd.core.runs import AgentStart, EndedState, ReportedError, RunReason, RunSlot, StopRequest
from coworkd.core.start_faults import StartFault, StartFaultKind
from coworkd.core.step_states import StepKind
from coworkd.dispatch.executors.slot_results import (
    FinishResult,
    Imported,
    MachineFailed,
    NoChanges,
    SavedWork,
    SlotDeferred,
    SlotFailed,
)
from coworkd.dispatch.patterns.steps import Role, RunOutcome, RunResult, RunStep, StepTree
from coworkd.dispatch.runs.after_run import INTERRUPTED, RETRY_SLOT_AFTER
from coworkd.dispatch.runs.effects import (
    AgentFailedAtOnce,
    AgentWorks,
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
from coworkd.dispatch.runs.run_ends import AfterRunContext, AfterRunPolicy, NotStarted, StartFailure
from coworkd.dispatch.runs.step_rules import StepContext, after_step, step_mode
from coworkd.dispatch.scheduling.retry_policy import RetryPolicy
from coworkd.store import FinishedRun, StepRow, TaskRow
from tests.unit.dispatch.runs.test_after_run import TASK

NOW = 1000.0
RUN = FinishedRun(
    id="r1", task="a", attempt=1, step="propose.a", role="proposer", agent="main", reply="done it", started=NOW - 60,
    state=EndedState(at=NOW, reason=RunReason.DONE, kept_commit="work", tree="tree", submission=4),
    slot=RunSlot(number=1, base="base"), start=AgentStart(epoch=1, at=NOW - 50, sandbox_level="none"),
)  # fmt: skip
POLICY = AfterRunPolicy(
    retry=RetryPolicy(on_error=OnError.RETRY, max_attempts=2, backoff=2.0), agent=AgentSpec(name="main")
)
PROPOSE = RunStep(key="propose.a", agent="main", role=Role.PROPOSER, tree=StepTree.OWN)
GATE = RunStep(key="gate.1", agent="main", role=Role.GATE, tree=StepTree.READ, of="propose.a", block=BlockKind.VERDICT)
PASS = VerdictBlock(decision=Decision.PASS)
FULL = MachineFault(kind=FaultKind.DISK_FULL, path="/state", detail="")
NO_COMMAND = StartFault(kind=StartFaultKind.WORKER, reason="no worker")
MADE, NOTHING, SAVED = Imported(commit="work", tree="tree"), NoChanges(), SavedWork(commit="kept", tree="keptree")
ROW = StepRow(task="a", attempt=1, key="propose.a", kind=StepKind.RUN, request="{}", asked=0.0)
PROPOSAL = StepWork(number=4, commit="work", tree="tree", base="base")


def run(**changes: Any) -> FinishedRun:
    state = {key: changes.pop(key) for key in ("reason", "message", "submission") if key in changes}
    return dataclasses.replace(RUN, state=dataclasses.replace(RUN.state, **state), **changes)


def after(
    end: FinishResult | StartFailure,
    ended: FinishedRun = RUN,
    *,
    step: RunStep = PROPOSE,
    task: TaskRow = TASK,
    policy: AfterRunPolicy = POLICY,
    **context: Any,
) -> tuple[Effect, ...]:
    row = context.pop("row", ROW)
    case = AfterRunContext(run=ended, task=task, policy=policy, now=NOW)
    effects = after_step(case, StepContext(row=row, step=step, block=context.pop("block", None), **context), end)
    return tuple(effect for effect in effects if not isinstance(effect, AgentWorks | AgentFailedAtOnce))


def ended(outcome: RunOutcome, work: StepWork, **result: Any) -> EndStep:
    return EndStep(result=RunResult(outcome=outcome, **result), work=work)


ASKED_AGAIN = dataclasses.replace(ROW, asked_again=True, number=0, commit_id="first", tree="t", base="base")
FAILED = run(reason=RunReason.FAILED, message="no", submission=0)
GONE = dataclasses.replace(TASK, status=Status.PAUSED)


@pytest.mark.parametrize(
    ("end", "given", "effects"),
    [
        (MADE, {}, (ended(RunOutcome.DONE, PROPOSAL, text="done it", tree="tree"),)),
        (NOTHING, {}, (ended(RunOutcome.UNCHANGED, StepWork(commit="base", base="base"), text="done it"),)),
        (
            SAVED, {"step": GATE, "block": PASS},
            (ended(RunOutcome.DONE, StepWork(commit="kept", tree="keptree", base="base"), text="done it", block=PASS),),
        ),
        (
            SAVED, {"step": GATE, "unreadable_reason": "no block"},
            (AskAgain(reason="no block", work=StepWork(commit="kept", tree="keptree", base="base")),),
        ),
        (
            SAVED, {"step": GATE, "unreadable_reason": "no block", "row": ASKED_AGAIN},
            (ended(RunOutcome.ABSENT, StepWork(commit="first", tree="t", base="base"), reason="no block"),),
        ),
        (
            SAVED, {"step": GATE, "block": PASS, "row": ASKED_AGAIN, "earlier_reply": "before"},
            (
                ended(
                    RunOutcome.DONE, StepWork(commit="first", tree="t", base="base"), text="before\n\ndone it",
                    block=PASS,
                ),
            ),
        ),
    ],
)  # fmt: skip
def test_a_run_that_did_what_it_was_asked_ends_its_step(
    end: FinishResult, given: dict[str, Any], effects: tuple[Effect, ...]
) -> None:
    assert after(end, **given) == effects


def test_a_step_that_fails_is_tried_again_and_then_absent() -> None:
    (again,) = after(SAVED, FAILED)
    assert isinstance(again, RetryStep)
    assert (again.failures, again.not_before) == (1, NOW + 2.0)
    (last,) = after(SAVED, FAILED, row=dataclasses.replace(ROW, failures=1))
    assert isinstance(last, EndStep)
    assert last.result.outcome is RunOutcome.ABSENT
    assert "no" in last.result.reason


def test_work_that_cannot_be_submitted_counts_as_a_failure() -> None:
    corrected, again = after(SavedWork(unusable_reason="a secret in it"))
    assert corrected == CorrectEnd(message="a secret in it")
    assert isinstance(again, RetryStep)
    assert again.failures == 1


def test_an_agent_that_is_unavailable_uses_no_failure() -> None:
    limited = run(
        reason=RunReason.FAILED, submission=0, error=ReportedError(kind=ErrorKind.RATE_LIMIT, message="slow down")
    )
    corrected, cooled = after(SAVED, limited)
    assert corrected == CorrectEnd(reason=RunReason.UNAVAILABLE)
    assert isinstance(cooled, CoolDown)
    assert (cooled.error, cooled.stop) == (ErrorKind.RATE_LIMIT, False)


@pytest.mark.parametrize("stop", [StopRequest.USER, StopRequest.SHUTDOWN])
def test_a_stopped_step_stays_asked_for(stop: StopRequest) -> None:
    assert after(SAVED, run(stop=stop, reason=RunReason.CANCELLED), task=GONE) == ()


def test_with_the_daemon_the_task_ends_once_none_of_its_runs_is_left() -> None:
    stopped = run(stop=StopRequest.SHUTDOWN, reason=RunReason.CANCELLED)
    assert after(SAVED, stopped) == (Requeue(reason=INTERRUPTED),)
    assert after(SAVED, stopped, policy=dataclasses.replace(POLICY, other_runs=True)) == ()


def test_a_fault_of_the_machine_uses_no_failure() -> None:
    hold, again = after(SAVED, FAILED, policy=dataclasses.replace(POLICY, machine_fault=lambda: FULL))
    assert hold == Hold(fault=FULL)
    assert isinstance(again, RetryStep)
    assert again.failures == 0


@pytest.mark.parametrize(
    ("end", "effects"),
    [
        (SlotDeferred(reason="moving"), (RetryStep(reason="moving", not_before=NOW + RETRY_SLOT_AFTER),)),
        (SlotFailed(fault=NO_COMMAND), (HoldStart(fault=NO_COMMAND),)),
        (NotStarted(), (RetryStep(reason="its agent is gone", not_before=NOW),)),
        (MachineFailed(fault=FULL), (Hold(fault=FULL), RetryStep(reason=str(FULL), not_before=NOW))),
    ],
)
def test_a_run_that_never_began_uses_no_failure(end: StartFailure, effects: tuple[Effect, ...]) -> None:
    assert after(end) == effects


@pytest.mark.parametrize(
    ("step", "task", "mode"),
    [
        (PROPOSE, Mode.BUILD, Mode.BUILD),
        (PROPOSE, Mode.ANSWER, Mode.ANSWER),
        (GATE, Mode.BUILD, Mode.BUILD),
        (dataclasses.replace(GATE, block=BlockKind.BALLOT), Mode.BUILD, Mode.ANSWER),
    ],
)
def test_who_only_judges_only_reads(step: RunStep, task: Mode, mode: Mode) -> None:
    assert step_mode(step, task) is mode
