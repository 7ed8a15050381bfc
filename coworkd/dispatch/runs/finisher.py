"""How runs end: what they left is brought in or kept, and what follows is decided."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from coworkd.agents.port import Ended, EndReason, ErrorKind
from coworkd.agents.worker import refused_hosts
from coworkd.board.generated_documents import GeneratedDocuments, final_state
from coworkd.board.task_board import Board
from coworkd.core.clock import iso
from coworkd.core.model import Gate, Loop, MessageKind, Mode, Status, TaskSpec
from coworkd.dispatch.executors.slot_results import (
    FinishRequest,
    FinishResult,
    Imported,
    MachineFailed,
    NoChanges,
    SavedWork,
)
from coworkd.dispatch.patterns import PATTERNS
from coworkd.dispatch.patterns.base import PastRun, SubmitWork
from coworkd.dispatch.runs.loop_rounds import LoopRounds
from coworkd.dispatch.runs.loop_rules import EndLoop, NextRound
from coworkd.dispatch.runs.plan_mode import PlanRuns
from coworkd.dispatch.runs.result_message import result_message
from coworkd.dispatch.scheduling.agent_selection import AgentSelector
from coworkd.dispatch.scheduling.agent_stops import stopping_error
from coworkd.dispatch.scheduling.budget_queries import BUDGET_USED_UP
from coworkd.dispatch.scheduling.cooldowns import cooldown_error
from coworkd.dispatch.scheduling.machine_hold import MachineHold
from coworkd.dispatch.scheduling.retry_policy import (
    NOT_COUNTED,
    NOT_RETRYABLE,
    AttemptOutcome,
    GiveUp,
    RetryAfter,
    RetryPolicy,
    decide_retry,
)
from coworkd.store import (
    RequestRow,
    RunReason,
    RunRow,
    RunState,
    StopRequest,
    SubmissionRow,
    SubmissionState,
    TaskRow,
)
from coworkd.store.events import NewEvent
from coworkd.store.requests import has_pending_request, used_answers
from coworkd.store.runs import find_run, get_run, move_run, update_run
from coworkd.store.submissions import (
    add_submission,
    conflict_of,
    conflicted_submissions,
    failed_submissions,
    next_number,
    retire_submission,
)
from coworkd.system.background_jobs import Job, Jobs

FINISH: Job[str, FinishResult | MachineFailed] = Job(name="finish")
"""Brings in what a run left; its subject is the run."""

_CUT_SHORT = (EndReason.CRASHED, EndReason.CANCELLED)

_DONE = EndReason.DONE

_PERHAPS_THE_MACHINE = frozenset(
    {
        AttemptOutcome.FAILED,
        AttemptOutcome.CRASHED,
        AttemptOutcome.TIMED_OUT,
        AttemptOutcome.STALLED,
        AttemptOutcome.VERIFICATION_FAILED,
        AttemptOutcome.UNUSABLE_SUBMISSION,
    }
)
"""Outcomes that an agent or a command also comes to by itself where no file can be written."""

_ENDS_PERHAPS_BY_THE_MACHINE = (EndReason.FAILED, EndReason.CRASHED, EndReason.TIMED_OUT, EndReason.STALLED)

LONG_REASON = 400
"""Characters of a reason that is the only place where something is said."""

_OUTCOMES = {
    RunReason.FAILED: AttemptOutcome.FAILED,
    RunReason.TIMED_OUT: AttemptOutcome.TIMED_OUT,
    RunReason.STALLED: AttemptOutcome.STALLED,
    RunReason.CRASHED: AttemptOutcome.CRASHED,
    RunReason.UNAVAILABLE: AttemptOutcome.UNAVAILABLE,
    RunReason.MACHINE: AttemptOutcome.MACHINE,
}


class RunFinisher:
    """Ends runs; used by the writer thread alone."""

    def __init__(
        self,
        board: Board,
        jobs: Jobs,
        finish: Callable[[FinishRequest], FinishResult | MachineFailed],
        hold: MachineHold,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._casting = AgentSelector(board)
        self._rounds = LoopRounds(board.db)
        self._plans = PlanRuns(board)
        self._jobs = jobs
        self._finish = finish
        self._hold = hold
        self._jitter = jitter

    def record_end(self, run: RunRow, end: Ended, now: float) -> None:
        """The agent is gone: record how, and have its work looked after. A waiting run may only have stepped out."""
        if self._stepped_out(run, end):
            with self._db.write():
                self._answer_again(run, end, now)
                since = run.waiting_since if run.state is RunState.WAITING else now
                move_run(
                    self._db, run.id, RunState.WAITING, stop=StopRequest.NONE, reason=RunReason(end.reason),
                    waiting_since=since,
                )  # fmt: skip
                self._db.event(
                    now, "agent left", task=run.task, actor="agent", run=run.id, reason=end.reason, exit=end.exit_code
                )
            return
        if run.stop is StopRequest.LOST and end.reason in _CUT_SHORT and run.session:
            self._take_back(run, end, now)
            return
        end = self._attributed(run, end, now)
        by_itself = (run.stop is StopRequest.LOST and end.reason not in _CUT_SHORT) or (
            run.stop is StopRequest.BUDGET and end.reason is _DONE
        )
        stop = StopRequest.NONE if by_itself else run.stop
        with self._db.write(durable=True):
            move_run(
                self._db, run.id, RunState.SUBMITTING, reason=RunReason(end.reason), stop=stop,
                message=run.message if stop is StopRequest.BUDGET else end.message,
                fault=end.fault,
            )  # fmt: skip
            self._db.event(
                now, "agent ended", task=run.task, actor="agent", run=run.id, reason=end.reason, exit=end.exit_code
            )
        self.import_work(get_run(self._db, run.id))

    def _attributed(self, run: RunRow, end: Ended, now: float) -> Ended:
        """An agent that fails has failed for what kept files from being written, now or before, where that was seen.

        Looked at before its work is kept, for which there may be no space either.
        """
        fails = end.reason in _ENDS_PERHAPS_BY_THE_MACHINE and run.stop is not StopRequest.LOST
        if (fault := self._hold.fault()) is not None and fails:
            self._hold.start(fault, now)
        end = replace(end, fault=str(fault or "") or end.fault or run.fault)
        return replace(end, reason=EndReason.MACHINE, message=end.fault) if fails and end.fault else end

    def _take_back(self, run: RunRow, end: Ended, now: float) -> None:
        """A run that was lost with the daemon, but has a session, goes on with it in its slot as it was left."""
        with self._db.write(durable=True):
            move_run(
                self._db,
                run.id,
                RunState.WAITING,
                stop=StopRequest.NONE,
                reason=RunReason(end.reason),
                waiting_since=now,
            )
            self._db.event(now, "session taken up again", task=run.task, run=run.id, session=run.session)

    def _stepped_out(self, run: RunRow, end: Ended) -> bool:
        """Exit 0 or 75 with a question open, or lost with the daemon while it waited: it goes on with the answer.

        Open for the agent is also what was answered when it had just left.
        """
        lost = run.stop is StopRequest.LOST
        if not lost and (run.stop or end.reason not in (EndReason.DONE, EndReason.UNAVAILABLE)):
            return False
        if not lost and self._unheard(run, end):
            return True
        return has_pending_request(self._db, run.id)

    def _unheard(self, run: RunRow, end: Ended) -> list[RequestRow]:
        return [request for request in used_answers(self._db, run.id) if request.name in end.unheard]

    def _answer_again(self, run: RunRow, end: Ended, now: float) -> None:
        """Answers that came too late are handed over with the next start."""
        for request in self._unheard(run, end):
            self._board.requests.return_answer(request, now)

    def import_work(self, run: RunRow) -> None:
        """Have the work of an ended run looked after; asking again while that goes on changes nothing."""
        row = self._board.task(run.task)
        number = next_number(self._db, run.task)
        order = FinishRequest(
            slot=run.slot, task=run.task, run=run.id, number=number, agent=run.agent, base=run.base,
            tip=self._tip(run), submit=self._is_submission(run),
            message=f"{row.title}\n\nCowork-Task: {run.task}\nCowork-Run: {run.id}", secrets=self._board.secrets(),
        )  # fmt: skip
        self._db.after_commit(lambda: self._jobs.start(FINISH, run.id, lambda: self._finish(order)))

    def _tip(self, run: RunRow) -> str:
        if not run.conflict:
            return ""
        submission = conflict_of(self._db, run.task, run.conflict)
        return submission.verified_on if submission else ""

    def _is_submission(self, run: RunRow) -> bool:
        """What the pattern makes of the history so far, this run included."""
        if run.stop or run.reason is not RunReason.DONE or not run.base or run.mode is Mode.PLAN:
            return False
        spec = self._board.specs.task(self._board.task(run.task).path)
        if run.iteration and spec.loop is not None and spec.loop.promise not in run.reply:
            return False
        pattern = PATTERNS[spec.pattern]
        return isinstance(pattern(run.agent, [PastRun(run=run.id, role="author", ended_well=True)]), SubmitWork)

    def finished(self, run: RunRow, result: FinishResult, now: float) -> None:
        """The work is safe: the run is over, and its task goes on from here."""
        row, run = self._board.task(run.task), _blamed(run, result)
        with self._db.write(durable=True):
            self._close(run, result, now)
            self._heard_from(run, now)
            if run.stop:
                self._stopped(row, run, now)
            elif run.mode is Mode.PLAN and run.reason is RunReason.DONE and isinstance(result, SavedWork):
                self._planned(row, run, result, now)
            elif run.reason is RunReason.MACHINE and row.status in (Status.RUNNING, Status.WAITING):
                self.unsuccessful(row, AttemptOutcome.MACHINE, now, detail=run.message)
            elif isinstance(result, SavedWork):
                self._unsuccessful(row, run, result, now)
            elif isinstance(result, NoChanges) and self._loop(row, run):
                self._next_round(row, run, "", now)
            else:
                self._submitted(row, run, result, now)

    def _close(self, run: RunRow, result: FinishResult, now: float) -> None:
        reason = _ended_reason(run)
        notices = result.refs if isinstance(result, SavedWork) else result.notices
        body = result_message(run, result)
        path = self._documents.add_message(run, MessageKind.RESULT, body, now, state=final_state(reason))
        kept, tree = (run.base, "") if isinstance(result, NoChanges) else (result.commit, result.tree)
        move_run(
            self._db, run.id, RunState.ENDED, reason=reason, message=run.message, ended=now, message_path=path,
            kept=kept, tree=tree,
        )  # fmt: skip
        self._db.event(now, "run ended", task=run.task, run=run.id, reason=reason, notices=list(notices))
        self._board.update_cost(run.task)

    def _heard_from(self, run: RunRow, now: float) -> None:
        """An agent that came to an end of its own is to be had."""
        agent = self._casting.agent(run.agent)
        if agent is not None and not run.stop and cooldown_error(run) is None:
            self._casting.cooldowns.clear(agent, run, now)
            if stopping_error(run) is None:
                self._casting.stops.end(run.agent, now, "it worked")

    # ---- what follows

    def _planned(self, row: TaskRow, run: RunRow, kept: SavedWork, now: float) -> None:
        if row.status in (Status.RUNNING, Status.WAITING):
            self._plans.written(row, run, kept.refs, now)

    def _stopped(self, row: TaskRow, run: RunRow, now: float) -> None:
        """It was told to stop: where the task stands was settled by whoever said so, but for these."""
        if run.stop is StopRequest.SHUTDOWN and row.status in (Status.RUNNING, Status.WAITING):
            self._board.transition(
                row.id, Status.READY, "interrupted when coworkd stopped", now, attempt=row.attempt - 1
            )
        elif run.stop is StopRequest.BUDGET and row.status in (Status.RUNNING, Status.WAITING):
            self._out_of_budget(row, run, now)

    def _out_of_budget(self, row: TaskRow, run: RunRow, now: float) -> None:
        """It goes on, in its session if it has one, once there is more to use; no attempt is used."""
        why = first_line(run.message) or BUDGET_USED_UP
        self._board.transition(row.id, Status.READY, why, now, not_before=now, attempt=row.attempt - 1)

    def _unsuccessful(self, row: TaskRow, run: RunRow, kept: SavedWork, now: float) -> None:
        if row.status not in (Status.RUNNING, Status.WAITING):
            return
        if kept.unusable_reason and self._loop(row, run):
            self._next_round(row, run, kept.unusable_reason, now)
        elif kept.unusable_reason:
            update_run(self._db, run.id, message=kept.unusable_reason)
            self.unsuccessful(row, AttemptOutcome.UNUSABLE_SUBMISSION, now, detail=kept.unusable_reason)
        elif run.reason is RunReason.BUDGET:
            self._out_of_budget(row, run, now)
        elif error := stopping_error(run):
            self._agent_stopped(row, run, error, now)
        elif (kind := cooldown_error(run)) and self._left_alone(row, run, kind, now):
            return
        elif self._loop(row, run) and _outcome(run) not in NOT_RETRYABLE:
            failure = "" if run.reason is RunReason.DONE else f"{_outcome(run)}: {run.message}"
            self._next_round(row, run, failure, now)
        else:
            self.unsuccessful(row, _outcome(run), now, detail=_advised(run), hint=_refused(run))

    def _agent_stopped(self, row: TaskRow, run: RunRow, error: ErrorKind, now: float) -> None:
        """Its agent cannot work at all: a stand-in takes the task over, or it waits; no attempt is used."""
        update_run(self._db, run.id, reason=RunReason.UNAVAILABLE)
        self._casting.stops.stop(run, error, _advised(run, LONG_REASON), now)
        choice = self._casting.select(self._board.specs.task(row.path), now)
        stopped = self._casting.stopped_reason(run.agent)
        why = stopped if choice.until > now else f"{stopped}; {choice.agent} takes over"
        self._board.transition(row.id, Status.READY, why, now, not_before=now, attempt=row.attempt - 1)

    def _left_alone(self, row: TaskRow, run: RunRow, kind: ErrorKind, now: float) -> bool:
        """Whether a stand-in takes the task over, or it waits until somebody is to be had; no attempt is used.

        False for a program that merely says it cannot work now, and has no stand-in: it is tried again by and by.
        """
        spec, agent = self._board.specs.task(row.path), self._casting.agent(run.agent)
        if agent is None or not (run.error_kind or agent.fallback or run.fallback):
            return False
        update_run(self._db, run.id, reason=RunReason.UNAVAILABLE)
        base = self._board.specs.settings().backoff
        self._casting.cooldowns.start(agent, run, kind, base, now, self._jitter())
        choice = self._casting.select(spec, now)
        what = f"{run.agent} is unavailable ({kind.replace('_', ' ')})"
        if choice.until > now:
            why, until = f"{what}; waits until {iso(choice.until)}", choice.until
        else:
            why, until = f"{what}; {choice.agent} takes over", now
        self._board.transition(row.id, Status.READY, why, now, not_before=until, attempt=row.attempt - 1)
        return True

    # ---- loops

    def _loop(self, row: TaskRow, run: RunRow) -> Loop | None:
        """The loop that this run was a round of; None: of none that is still wished for."""
        return self._board.specs.task(row.path).loop if run.iteration else None

    def _next_round(self, row: TaskRow, run: RunRow, failure: str, now: float) -> None:
        """A round is over, its files are kept: the next one begins, or the loop has come to its end."""
        loop = self._loop(row, run)
        if loop is None or row.status not in (Status.RUNNING, Status.WAITING, Status.MERGING, Status.REVIEW):
            return
        decision = self._rounds.over(get_run(self._db, run.id), loop, failure, now)
        if isinstance(decision, NextRound):
            told = f"round {decision.number} of {loop.max_iterations} follows: {first_line(decision.reason)}"
            self._board.transition(row.id, Status.READY, told, now, not_before=now, attempt=row.attempt - 1)
        elif isinstance(decision, EndLoop):
            self.unsuccessful(row, AttemptOutcome.LOOP, now, detail=decision.reason)

    def _submitted(self, row: TaskRow, run: RunRow, result: Imported | NoChanges, now: float) -> None:
        if row.status not in (Status.RUNNING, Status.WAITING):
            return
        made = isinstance(result, Imported)
        settings, spec = self._board.specs.settings(), self._board.specs.task(row.path)
        approve = settings.approve if spec.approve is None else spec.approve
        number = next_number(self._db, run.task)
        submission = SubmissionRow(
            task=row.id, number=number, run=run.id, attempt=run.attempt, base=run.base,
            commit_id=result.commit if made else run.base, tree=result.tree if made else "",
            state=SubmissionState.QUEUED, created=now,
            message="\n".join([*_lacking(run), *_hindered(run), *result.notices]),
            needs_approval=Gate.MERGE in approve or not made, text_sha=run.text_sha,
        )  # fmt: skip
        data = {"run": run.id, "number": number, "made": made}
        event = NewEvent(at=now, kind="submitted", task=row.id, actor="agent", data=data)
        add_submission(self._db, submission, event)
        to = Status.RUNNING if Gate.MERGE in approve or not made else Status.MERGING
        self._board.transition(row.id, to, "what it made is being verified", now)

    def unsuccessful(
        self,
        row: TaskRow,
        outcome: AttemptOutcome,
        now: float,
        *,
        detail: str = "",
        hint: str = "",
        fault_before: str = "",
    ) -> None:
        """An attempt came to nothing: retry, or fail, by the task's own rules. The machine's faults cost no attempt.

        `hint` is told whole. `fault_before`: what was wrong with the machine during the attempt.
        """
        if outcome in _PERHAPS_THE_MACHINE and fault_before:
            outcome, detail = AttemptOutcome.MACHINE, fault_before
        elif outcome in _PERHAPS_THE_MACHINE and (fault := self._hold.fault()) is not None:
            outcome, detail = AttemptOutcome.MACHINE, str(fault)
            self._hold.start(fault, now)
        spec, settings = self._board.specs.task(row.path), self._board.specs.settings()
        free = outcome in NOT_COUNTED
        used = row.failures if free else row.failures + 1
        policy = RetryPolicy(
            on_error=spec.on_error, max_attempts=_attempts(spec, settings.max_attempts), backoff=settings.backoff
        )
        decision = decide_retry(outcome, used, policy, self._jitter())
        attempt = row.attempt - 1 if free else row.attempt
        match decision:
            case RetryAfter(pause=seconds, reason=reason):
                why = _with_detail(reason, first_line(detail), hint)
                self._board.transition(
                    row.id, Status.READY, why, now, failures=used, not_before=now + seconds, attempt=attempt
                )
            case GiveUp(reason=reason, abort=abort):
                why = _with_detail(reason, detail if outcome in NOT_RETRYABLE else first_line(detail), hint)
                self._board.transition(row.id, Status.FAILED, why, now, failures=used)
                if abort:
                    self._db.set_state("halted", row.id)

    # ---- what the merge queue sends back

    def from_queue(self, now: float) -> list[SubmissionRow]:
        """Take back submissions that were red; returns those that conflict and need their author."""
        for submission in failed_submissions(self._db):
            row = self._board.task(submission.task)
            with self._db.write():
                retire_submission(self._db, submission, "its checks failed", now, message=submission.message)
                if row.status in (Status.RUNNING, Status.MERGING, Status.REVIEW):
                    self._red(row, submission, now)
        return conflicted_submissions(self._db)

    def _red(self, row: TaskRow, submission: SubmissionRow, now: float) -> None:
        run = find_run(self._db, submission.run)
        if run is not None and run.fault:
            update_run(self._db, run.id, message=run.fault, reason=RunReason.MACHINE)
            self.unsuccessful(row, AttemptOutcome.VERIFICATION_FAILED, now, fault_before=run.fault)
            return
        update_run(self._db, submission.run, message=submission.message, reason=RunReason.VERIFICATION_FAILED)
        if run is not None and self._loop(row, run):
            self._next_round(row, run, submission.message, now)
        else:
            self.unsuccessful(row, AttemptOutcome.VERIFICATION_FAILED, now, detail=submission.message)


def _blamed(run: RunRow, result: FinishResult) -> RunRow:
    """An agent that came to its end, but could not write its files, was kept from its work by the machine."""
    unfinished = isinstance(result, SavedWork) and bool(result.unusable_reason or run.iteration)
    nothing = isinstance(result, NoChanges) or unfinished
    if not run.fault or run.stop or run.reason is not RunReason.DONE or not nothing:
        return run
    return replace(run, reason=RunReason.MACHINE, message=run.fault)


def _lacking(run: RunRow) -> list[str]:
    """That it was made without commits which the target had by then."""
    return [f"made without these commits of the target: {', '.join(run.lacks.splitlines())}"] if run.lacks else []


def _hindered(run: RunRow) -> list[str]:
    """That the machine did not let files be written at some time: some of it may be missing."""
    return [f"while it worked: {run.fault}"] if run.fault else []


_TOLD = {ErrorKind.CONTEXT: AttemptOutcome.CONTEXT}

_ADVICE = {
    ErrorKind.AUTH: "sign it in, or give it a key (`login`, `env_pass` in agents/{agent}.md)",
    ErrorKind.CONTEXT: "make the task smaller, or give it to a model that holds more",
}


def _ended_reason(run: RunRow) -> RunReason:
    """How its record says that the run ended: one that was stopped for something else than its budget was cancelled."""
    if run.stop is StopRequest.BUDGET:
        return RunReason.BUDGET
    return RunReason.CANCELLED if run.stop else run.reason


def _outcome(run: RunRow) -> AttemptOutcome:
    if run.reason is RunReason.FAILED and run.error_kind in _TOLD:
        return _TOLD[ErrorKind(run.error_kind)]
    return _OUTCOMES.get(run.reason, AttemptOutcome.FAILED)


def _advised(run: RunRow, length: int = 120) -> str:
    """What went wrong, in so many characters at most, and what to do where that is known."""
    said = first_line(run.error or run.message, length)
    advice = _ADVICE[ErrorKind(run.error_kind)].format(agent=run.agent) if run.error_kind in _ADVICE else ""
    return "; ".join(part for part in (said, advice) if part)


def _refused(run: RunRow) -> str:
    """What its sandbox refused, and the line to write; empty when that was nothing."""
    entries = run.refused.split()
    if not entries:
        return ""
    return f"{refused_hosts.describe(entries)}: {refused_hosts.advice(entries, f'agents/{run.agent}.md')}"


def _with_detail(reason: str, detail: str, hint: str) -> str:
    told = "; ".join(part for part in (detail, hint) if part)
    return f"{reason}: {told}" if told else reason


def _attempts(spec: TaskSpec, default: int) -> int:
    return spec.max_attempts or default


def first_line(text: str, length: int = 120) -> str:
    """The first line that says something, short enough for a board."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= length else line[: length - 3] + "..."
