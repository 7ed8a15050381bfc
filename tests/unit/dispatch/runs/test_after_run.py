"""What follows from the end of a run, row by row."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from coworkd.agents.port import ErrorKind
from coworkd.core.machine_faults import FaultKind, MachineFault
from coworkd.core.model import AgentSpec, Loop, Mode, OnError, Status
from coworkd.core.runs import (
    AgentStart,
    EndedState,
    LiveStatus,
    ReportedError,
    RunReason,
    RunSlot,
    StopRequest,
    SubmittingState,
)
from coworkd.core.start_faults import StartFault, StartFaultKind
from coworkd.dispatch.executors.slot_results import (
    Imported,
    MachineFailed,
    NoChanges,
    SavedWork,
    SlotDeferred,
    SlotFailed,
)
from coworkd.dispatch.runs.after_run import (
    INTERRUPTED,
    NO_ANSWER,
    RETRY_SLOT_AFTER,
    after_run,
    attribute_end,
)
from coworkd.dispatch.runs.attempt_end import UNVERIFIED_ROUND
from coworkd.dispatch.runs.effects import (
    AgentFailedAtOnce,
    AgentWorks,
    AnswerGiven,
    CorrectEnd,
    Effect,
    EndRound,
    Fail,
    Fallback,
    Hold,
    HoldStart,
    PlanReview,
    Requeue,
    Retry,
    Submit,
    WaitAgain,
)
from coworkd.dispatch.runs.loop_rules import Round
from coworkd.dispatch.runs.run_ends import AfterRunPolicy, NotStarted, RunEnd, SubmissionSentBack
from coworkd.dispatch.scheduling.agent_stops import AT_ONCE
from coworkd.dispatch.scheduling.retry_policy import RetryPolicy
from coworkd.store import FinishedRun, TaskRow

NOW = 1000.0
RUN = FinishedRun(
    id="r1", task="a", attempt=1, agent="main", state=EndedState(at=NOW, reason=RunReason.DONE, kept_commit="work", tree="tree"),
    started=NOW - 60,
    slot=RunSlot(number=1, base="base"), start=AgentStart(epoch=1, sandbox_level="none"),
)  # fmt: skip
TASK = TaskRow(
    id="a", path="tasks/a.md", title="a", status=Status.RUNNING, reason="", since=0.0, agent="main", priority=2.0,
    created=0.0, attempt=1, by="", landed="", failures=0, conflict_rounds=0, not_before=0.0, closed_by_hand=False,
    requested_status="", request_due_at=0.0, blocked_reason="", from_git=False, owned_elsewhere=False,
    file_missing=False, agent_used="main", cost_usd=None, input_tokens=0, output_tokens=0, exact_id=False,
)  # fmt: skip
RETRY = RetryPolicy(on_error=OnError.RETRY, max_attempts=2, backoff=2.0)
POLICY = AfterRunPolicy(retry=RETRY, agent=AgentSpec(name="main"))
LOOP = Loop(promise="DONE", max_iterations=3)
FULL = MachineFault(kind=FaultKind.DISK_FULL, path="/state", detail="")
NO_COMMAND = StartFault(kind=StartFaultKind.WORKER, reason="no worker")
MADE, NOTHING, SAVED = Imported(commit="work", tree="tree"), NoChanges(), SavedWork(refs=("refs/cowork/snap/a/1",))
WORKS = AgentWorks(started=True)


def run(*, reason: RunReason = RunReason.DONE, message: str = "", **columns: object) -> FinishedRun:
    return dataclasses.replace(RUN, state=dataclasses.replace(RUN.state, reason=reason, message=message), **columns)


def policy(**fields: object) -> AfterRunPolicy:
    return dataclasses.replace(POLICY, **fields)


def retry(reason: str, *, pause: float = 2.0, counted: bool = True) -> Retry:
    return Retry(reason=reason, failures=int(counted), not_before=NOW + pause, counted=counted)


def round_run(**columns: Any) -> FinishedRun:
    return run(iteration=1, **columns)


FAILED = run(reason=RunReason.FAILED, message="no such key\nmore")
STARTED = dataclasses.replace(RUN.start, at=NOW)
AT_ONCE_RUN = dataclasses.replace(
    FAILED, reply="sorry\n", start=STARTED, live=LiveStatus(last_event_at=NOW + AT_ONCE - 0.1)
)
AUTH = run(reason=RunReason.FAILED, error=ReportedError(kind=ErrorKind.AUTH, message="bad key"))
BUSY = run(reason=RunReason.FAILED, error=ReportedError(kind=ErrorKind.RATE_LIMIT, message="slow down"))
LONG = run(reason=RunReason.FAILED, error=ReportedError(kind=ErrorKind.CONTEXT, message="too long"))
LOOPING = policy(loop=LOOP)
BROKEN = policy(machine_fault=lambda: FULL)
NEXT = "round 2 of 3 follows: "
SAID_NOTHING = "`DONE` was not said"

TABLE: list[tuple[str, FinishedRun, RunEnd, AfterRunPolicy, tuple[Effect, ...]]] = [
    # What was made.
    ("made", RUN, MADE, POLICY, (WORKS, Submit(result=MADE, needs_approval=True, status=Status.RUNNING))),
    ("no approval", RUN, MADE, policy(merge_approval=False),
     (WORKS, Submit(result=MADE, needs_approval=False, status=Status.MERGING))),
    ("nothing made", RUN, NOTHING, policy(merge_approval=False),
     (WORKS, Submit(result=NOTHING, needs_approval=True, status=Status.RUNNING))),
    ("made beside others", RUN, MADE, policy(merge_approval=False, other_runs=True),
     (WORKS, Submit(result=MADE, needs_approval=False, status=Status.RUNNING))),
    ("a plan", run(mode=Mode.PLAN), SAVED, POLICY, (WORKS, PlanReview(refs=SAVED.refs))),
    ("an answer", run(mode=Mode.ANSWER, reply="42\n"), SAVED, POLICY, (WORKS, AnswerGiven(refs=SAVED.refs))),
    ("no answer", run(mode=Mode.ANSWER, reply=" \n"), SAVED, POLICY,
     (WORKS, CorrectEnd(message=NO_ANSWER), retry(f"failed; attempt 2 of 2 follows: {NO_ANSWER}"))),
    # Failures.
    ("failed", FAILED, SAVED, POLICY, (WORKS, retry("failed; attempt 2 of 2 follows: no such key"))),
    ("failed beside others", FAILED, SAVED, policy(other_runs=True), (WORKS,)),
    ("unusable", RUN, SavedWork(unusable_reason="a file is too large"), POLICY,
     (WORKS, CorrectEnd(message="a file is too large"),
      retry("unusable submission; attempt 2 of 2 follows: a file is too large"))),
    ("too long", LONG, SAVED, POLICY,
     (WORKS, Fail(reason="too long for the model's context: too long; make the task smaller, or give it to a model"
                  " that holds more", failures=1))),
    ("failed on a full disk", FAILED, SAVED, BROKEN,
     (WORKS, Hold(fault=FULL),
      Retry(reason=f"this machine is at fault; trying again: {FULL}", failures=0, not_before=NOW + 2, counted=False))),
    ("machine", run(reason=RunReason.MACHINE, message="full"), SAVED, POLICY,
     (retry("this machine is at fault; trying again: full", counted=False),)),
    # Failures right after the start.
    ("failed at once", AT_ONCE_RUN, SAVED, POLICY,
     (AgentFailedAtOnce(last_words="no such key; it said last: `sorry`"),
      retry("failed; attempt 2 of 2 follows: no such key"))),
    ("failed after a while", dataclasses.replace(AT_ONCE_RUN, live=LiveStatus(last_event_at=NOW + AT_ONCE)), SAVED, POLICY,
     (WORKS, retry("failed; attempt 2 of 2 follows: no such key"))),
    ("failed at once on a full disk", AT_ONCE_RUN, SAVED, BROKEN,
     (Hold(fault=FULL),
      Retry(reason=f"this machine is at fault; trying again: {FULL}", failures=0, not_before=NOW + 2, counted=False))),
    ("failed at once while stopped for it", AT_ONCE_RUN, SAVED, policy(agent_failing=True),
     (AgentFailedAtOnce(last_words="no such key; it said last: `sorry`"),
      Requeue(reason="agent main failed at once again; no attempt is used", not_before=NOW))),
    ("a round that failed at once", dataclasses.replace(AT_ONCE_RUN, iteration=1), SAVED, LOOPING,
     (AgentFailedAtOnce(last_words="no such key; it said last: `sorry`"), EndRound(reason="failed: no such key\nmore"),
      Requeue(reason=NEXT + "failed: no such key", not_before=NOW))),
    ("not signed in at once", dataclasses.replace(AUTH, start=STARTED, live=LiveStatus(last_event_at=NOW + 1)), SAVED, POLICY,
     (AgentWorks(started=False), CorrectEnd(reason=RunReason.UNAVAILABLE),
      Fallback(error=ErrorKind.AUTH, stop=True,
               reason="bad key; sign it in, or give it a key (`login`, `env_pass` in agents/main.md)"))),
    # Agents.
    ("not signed in", AUTH, SAVED, POLICY,
     (AgentWorks(started=False), CorrectEnd(reason=RunReason.UNAVAILABLE),
      Fallback(error=ErrorKind.AUTH, stop=True,
               reason="bad key; sign it in, or give it a key (`login`, `env_pass` in agents/main.md)"))),
    ("rate limit", BUSY, SAVED, POLICY,
     (CorrectEnd(reason=RunReason.UNAVAILABLE), Fallback(error=ErrorKind.RATE_LIMIT, stop=False, reason="slow down"))),
    ("unavailable, without a fallback", run(reason=RunReason.UNAVAILABLE, message="later"), SAVED, POLICY,
     (retry("agent unavailable; trying again: later", counted=False),)),
    ("unavailable, with a fallback", run(reason=RunReason.UNAVAILABLE, message="later"), SAVED,
     policy(agent=AgentSpec(name="main", fallback=("other",))),
     (CorrectEnd(reason=RunReason.UNAVAILABLE), Fallback(error=ErrorKind.UNAVAILABLE, stop=False, reason="later"))),
    ("its agent is gone", FAILED, SAVED, policy(agent=None), (retry("failed; attempt 2 of 2 follows: no such key"),)),
    # Stopped.
    ("stopped by a person", run(stop=StopRequest.USER), SAVED, POLICY, ()),
    ("shutdown", run(stop=StopRequest.SHUTDOWN), SAVED, POLICY, (Requeue(reason=INTERRUPTED),)),
    ("budget", run(stop=StopRequest.BUDGET, message="budget used up: $1"), SAVED, POLICY,
     (Requeue(reason="budget used up: $1", not_before=NOW),)),
    ("budget, by itself", run(reason=RunReason.BUDGET), SAVED, POLICY,
     (WORKS, Requeue(reason="budget used up", not_before=NOW))),
    # Rounds.
    ("a round", round_run(), SAVED, LOOPING,
     (WORKS, EndRound(reason=SAID_NOTHING), Requeue(reason=NEXT + SAID_NOTHING, not_before=NOW))),
    ("a round that failed", round_run(reason=RunReason.FAILED, message="x"), SAVED, LOOPING,
     (WORKS, EndRound(reason="failed: x"), Requeue(reason=NEXT + "failed: x", not_before=NOW))),
    ("a round that promised", round_run(reply="DONE"), MADE, LOOPING,
     (WORKS, Submit(result=MADE, needs_approval=True, status=Status.RUNNING))),
    ("the last round", round_run(), SAVED, policy(loop=dataclasses.replace(LOOP, max_iterations=1)),
     (WORKS, EndRound(reason=f"not done after 1 rounds (`max_iterations`); {SAID_NOTHING}"),
      Fail(reason=f"the loop ended without proof: not done after 1 rounds (`max_iterations`); {SAID_NOTHING}",
           failures=1))),
    ("a round that promised, and was not submitted", round_run(reply="DONE"), SAVED, LOOPING,
     (WORKS, EndRound(reason=UNVERIFIED_ROUND), Requeue(reason=NEXT + UNVERIFIED_ROUND, not_before=NOW))),
    # What the merge queue sends back.
    ("red", RUN, SubmissionSentBack(message="1 failed"), POLICY,
     (CorrectEnd(reason=RunReason.VERIFICATION_FAILED, message="1 failed"),
      retry("verification failed; attempt 2 of 2 follows: 1 failed"))),
    ("red, with its output in a file", RUN, SubmissionSentBack(message="1 failed\n\n...", log="reviews/a.d/check-2.log"),
     POLICY,
     (CorrectEnd(reason=RunReason.VERIFICATION_FAILED, message="1 failed\n\n..."),
      retry("verification failed; attempt 2 of 2 follows: 1 failed; the whole output: .cowork/reviews/a.d/check-2.log"))),
    ("red after a fault", run(fault="full"), SubmissionSentBack(message="1 failed"), POLICY,
     (CorrectEnd(reason=RunReason.MACHINE, message="full"),
      retry("this machine is at fault; trying again: full", counted=False))),
    ("a red round", round_run(reply="DONE"), SubmissionSentBack(message="1 failed"), LOOPING,
     (CorrectEnd(reason=RunReason.VERIFICATION_FAILED, message="1 failed"), EndRound(reason="1 failed"),
      Requeue(reason=NEXT + "1 failed", not_before=NOW))),
    ("a red round without a word", round_run(reply="DONE"), SubmissionSentBack(message=""), LOOPING,
     (CorrectEnd(reason=RunReason.VERIFICATION_FAILED, message=""), EndRound(reason="verification failed"),
      Requeue(reason=NEXT + "verification failed", not_before=NOW))),
    # Runs that never began.
    ("branches in the way", RUN, SlotDeferred(reason="later"), POLICY,
     (WaitAgain(reason="later", not_before=NOW + RETRY_SLOT_AFTER),)),
    ("no slot", RUN, SlotFailed(fault=NO_COMMAND), POLICY, (HoldStart(fault=NO_COMMAND),)),
    ("no slot, and stopped", run(stop=StopRequest.USER), SlotFailed(fault=NO_COMMAND), POLICY, ()),
    ("the agent is gone", RUN, NotStarted(), POLICY, (Requeue(reason="its agent is gone", not_before=NOW),)),
    ("shutdown before it began", run(stop=StopRequest.SHUTDOWN), NotStarted(), POLICY, (Requeue(reason=INTERRUPTED),)),
    ("the machine", RUN, MachineFailed(fault=FULL), POLICY,
     (Hold(fault=FULL), retry(f"this machine is at fault; trying again: {FULL}", counted=False))),
    ("the machine, and a conflict waits", run(conflict="bundle"), MachineFailed(fault=FULL), POLICY,
     (Hold(fault=FULL), WaitAgain(reason=str(FULL), not_before=NOW))),
]  # fmt: skip


@pytest.mark.parametrize(("ended", "end", "said", "effects"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_follows(ended: FinishedRun, end: RunEnd, said: AfterRunPolicy, effects: tuple[Effect, ...]) -> None:
    assert after_run(ended, end, TASK, said, NOW) == effects


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.RUNNING, Status.WAITING, Status.MERGING}))
def test_a_person_who_moved_the_task_has_settled_it(status: Status) -> None:
    moved = dataclasses.replace(TASK, status=status)
    for end in (MADE, NOTHING, SAVED):
        assert after_run(RUN, end, moved, POLICY, NOW) == (WORKS,)
    for end in (SlotDeferred(reason="x"), SlotFailed(fault=NO_COMMAND), NotStarted()):
        assert after_run(RUN, end, moved, POLICY, NOW) == ()
    assert after_run(RUN, MachineFailed(fault=FULL), moved, POLICY, NOW) == (Hold(fault=FULL),)


def test_the_last_attempt_fails_and_may_abort() -> None:
    last = dataclasses.replace(TASK, failures=1)
    assert after_run(FAILED, SAVED, last, POLICY, NOW) == (
        WORKS,
        Fail(reason="failed (attempt 2 of 2): no such key", failures=2),
    )
    abort = policy(retry=dataclasses.replace(RETRY, on_error=OnError.ABORT))
    assert after_run(FAILED, SAVED, TASK, abort, NOW)[1] == Fail(reason="failed: no such key", failures=1, abort=True)


def test_the_machine_is_asked_only_where_a_failure_may_be_its_own() -> None:
    def unexpected() -> MachineFault | None:
        raise AssertionError("nothing failed")

    untouched = policy(machine_fault=unexpected)
    for ended, end in [(RUN, MADE), (AUTH, SAVED), (run(stop=StopRequest.USER), SAVED), (LONG, SAVED)]:
        after_run(ended, end, TASK, untouched, NOW)


def test_rounds_without_progress_end_the_loop() -> None:
    before = tuple(Round(number=n, promised=False, changed=True, tree="tree") for n in (1, 2))
    stuck = policy(loop=LOOP, rounds=before)
    effects = after_run(run(iteration=3), SAVED, TASK, stuck, NOW)
    assert [type(effect) for effect in effects] == [AgentWorks, EndRound, Fail]


@pytest.mark.parametrize(
    ("result", "blames"), [(MADE, False), (NOTHING, True), (SAVED, False), (SavedWork(unusable_reason="x"), True)]
)
def test_a_run_that_could_not_write_its_files_is_not_to_blame(result: Imported | NoChanges, blames: bool) -> None:
    ended = attribute_end(run(fault="full"), SubmittingState(reason=RunReason.DONE), result)
    assert (ended.reason is RunReason.MACHINE) is blames
