"""Dispatch as one turn: wishes, deliveries, results of jobs and runs, and what starts next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from coworkd.agents.port import AgentEvent, Ended
from coworkd.board import status_requests
from coworkd.board.task_board import Board
from coworkd.core.errors import AgentError
from coworkd.core.machine_faults import MachineFault, MachineFaultError
from coworkd.core.model import ACTIVE, Status
from coworkd.core.start_faults import FaultScope, StartFault, StartFaultKind
from coworkd.dispatch.executors.port import Executor
from coworkd.dispatch.executors.slot_results import (
    FinishResult,
    MachineFailed,
    PrepareResult,
    SavedWork,
    SlotDeferred,
    SlotFailed,
    SlotReady,
)
from coworkd.dispatch.runs.conflict_rounds import ConflictRounds
from coworkd.dispatch.runs.delivery import Delivery
from coworkd.dispatch.runs.event_recorder import EventRecorder
from coworkd.dispatch.runs.finisher import FINISH, RunFinisher
from coworkd.dispatch.runs.plan_mode import PlanRuns
from coworkd.dispatch.runs.starter import PREPARE, RunStarter
from coworkd.dispatch.scheduling.agent_selection import AgentSelector
from coworkd.dispatch.scheduling.budget_rules import BudgetExhausted
from coworkd.dispatch.scheduling.capacity import CapacityReader
from coworkd.dispatch.scheduling.dependency_check import check_dependencies
from coworkd.dispatch.scheduling.machine_hold import MachineHold
from coworkd.dispatch.scheduling.retry_policy import AttemptOutcome
from coworkd.dispatch.scheduling.scheduler import Postponed, StartRun
from coworkd.dispatch.scheduling.setup_hold import SetupHold
from coworkd.dispatch.scheduling.start_planner import StartPlanner
from coworkd.dispatch.scheduling.task_hold import TaskHold
from coworkd.store import Database, RunReason, RunRow, RunState, StopRequest, SubmissionRow, TaskRow
from coworkd.store.agent_stops import probe_agents_now
from coworkd.store.runs import (
    find_live_run,
    get_run,
    has_stopping_runs,
    live_runs,
    move_run,
    request_stop,
    resumable_runs,
    runs_in,
    runs_to_stop,
    update_run,
)
from coworkd.store.tasks import next_status_request_at, tasks_touched_since
from coworkd.system.background_jobs import JobFailed, Jobs

RETRY_AFTER = 2.0
"""Seconds before a run is prepared again that the branches stood in the way of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunServices:
    """What looks after a run, from its start to its end."""

    starter: RunStarter
    recorder: EventRecorder
    finisher: RunFinisher
    conflicts: ConflictRounds
    hold: MachineHold
    setup_hold: SetupHold
    capacity: CapacityReader


class Dispatcher:
    """The room's only face to the daemon; used by the writer thread alone."""

    def __init__(self, board: Board, executor: Executor, jobs: Jobs, stages: RunServices) -> None:
        self._board = board
        self._db: Database = board.db
        self._executor = executor
        self._jobs = jobs
        self._starter = stages.starter
        self._finisher = stages.finisher
        self._conflicts = stages.conflicts
        self._recorder = stages.recorder
        self._hold = stages.hold
        self._setup_hold = stages.setup_hold
        self._task_hold = TaskHold(board)
        self._delivery = Delivery(board, executor)
        self._capacity = stages.capacity
        self._planner = StartPlanner(board, stages.capacity)
        self._casting = AgentSelector(board)
        self._plans = PlanRuns(board)
        self._checked = int(self._db.setting("checked") or 0)
        """The latest event whose task's dependencies have been looked at."""
        jobs.handle(PREPARE, then=self._prepared, failed=self._prepare_failed)
        jobs.handle(FINISH, then=self._finished, failed=self._finish_failed)
        self._postponed: list[Postponed] = []
        """Runs that are to go on and conflicts that are to go back, which wait for capacity."""
        self._conflicting: list[SubmissionRow] = []

    # ---- one turn

    def step(self, now: float) -> None:
        """Act on everything that is due, beginning nothing."""
        self._note_default()
        status_requests.apply_status_requests(self._board, now)
        self._delivery.messages(now)
        self._delivery.edits(now)
        self._delivery.permissions(now)
        self._plans.decide(now)
        self._collect(now)
        self._stop_requested()
        self._retry_imports(now)
        self._check_changed(now)
        self._delivery.answers(now)
        self._conflicting = self._finisher.from_queue(now)

    def start(self, now: float) -> None:
        """Begin what may begin: resumed runs, conflicts back to their authors, ready tasks."""
        self._casting.stops.end_changed(now)
        self._plans.find_again(now)
        self._postponed = []
        if not self._hold.reason(now):
            self._starter.record_sandbox_status(now)
            self._resume_answered(now)
            self._postponed += self._conflicts.send_back(self._conflicting, now)
        self._start_ready(now)

    def deadline(self, now: float) -> float | None:
        """When time alone will give this room something to do."""
        times = [postponed.until for postponed in self._postponed]
        times += [
            self._planner.deadline(), self._hold.deadline(now), next_status_request_at(self._db),
            self._delivery.deadline(now), self._conflicts.deadline(self._conflicting, now),
        ]  # fmt: skip
        return min((at for at in times if at is not None), default=None)

    # ---- runs

    def _collect(self, now: float) -> None:
        """Record what the executor has to report since what was last committed."""
        for report in self._executor.events():
            run = find_live_run(self._db, report.run)
            if run is not None and report.offset > run.offset:
                with self._db.write(durable=isinstance(report.event, Ended)):
                    self._record(run, report.event, now)
                    update_run(self._db, run.id, offset=report.offset)
            self._executor.commit(report.run, report.offset)

    def _record(self, run: RunRow, event: AgentEvent, now: float) -> None:
        if isinstance(event, Ended):
            self._finisher.record_end(run, event, now)
        elif run.state in (RunState.WORKING, RunState.WAITING):
            self._recorder.record(run, event, now)

    def _stop_requested(self) -> None:
        """End every run that was told to stop; one without a process goes straight to keeping its work."""
        for run in runs_to_stop(self._db):
            if run.id in self._executor.alive():
                self._executor.cancel(run.id)
            else:
                with self._db.write():
                    move_run(self._db, run.id, RunState.SUBMITTING, reason=RunReason.CANCELLED)
                self._finisher.import_work(run)

    # ---- slots

    def _prepared(self, run_id: str, value: PrepareResult, now: float) -> None:
        """A slot was made ready for a run, or was not."""
        run = find_live_run(self._db, run_id)
        if run is None or run.state is not RunState.PREPARING:
            return
        match value:
            case SlotReady() if not run.stop and self._casting.agent(run.agent):
                self._hand_over(run, value, now)
            case SlotDeferred():
                self._not_yet(run, value, now)
            case SlotReady() | SlotFailed():
                self._never_started(run, value, now)
            case MachineFailed(fault=fault):
                self._not_begun(run, fault, now)

    def _prepare_failed(self, run_id: str, failure: JobFailed, now: float) -> None:
        if failure.fault:
            self._prepared(run_id, MachineFailed(fault=failure.fault), now)
            return
        fault = StartFault(kind=StartFaultKind.SLOT, reason=failure.reason)
        self._prepared(run_id, SlotFailed(fault=fault), now)

    def _finished(self, run_id: str, value: FinishResult | MachineFailed, now: float) -> None:
        """What a run left was brought in or kept, or could not be."""
        run = find_live_run(self._db, run_id)
        if run is None:
            return
        if isinstance(value, MachineFailed):
            self._hold.start(value.fault, now)
        elif run.state is RunState.SUBMITTING:
            self._board.clear_problems(self._board.task(run.task).path, FINISH.name)
            if isinstance(value, SavedWork) and run.stop is StopRequest.LOST:
                self._run_again(run, now)
            else:
                self._hold.end()
                self._finisher.finished(run, value, now)

    def _finish_failed(self, run_id: str, failure: JobFailed, now: float) -> None:
        """The work stays in its slot until it can be brought in."""
        run = find_live_run(self._db, run_id)
        if run is None:
            return
        if failure.fault:
            self._hold.start(failure.fault, now)
            return
        with self._db.write():
            why = f"its work could not be brought in and stays in slot {run.slot}: {failure.reason}; {failure.retry}"
            self._board.add_problem(self._board.task(run.task), FINISH.name, why, now)

    def _hand_over(self, run: RunRow, slot: SlotReady, now: float) -> None:
        """Have the executor begin; where the machine does not let it, the run ends before it began."""
        try:
            self._starter.hand_over(run, slot, now)
            self._hold.end()
            self._setup_hold.end()
            self._task_hold.end(self._board.task(run.task))
        except MachineFaultError as error:
            self._not_begun(run, error.fault, now)
        except AgentError as error:
            fault = StartFault(kind=StartFaultKind.WORKER, reason=str(error))
            self._never_started(run, SlotFailed(fault=fault), now)

    def _not_begun(self, run: RunRow, fault: MachineFault, now: float) -> None:
        """The run ends before it began, for no fault of its task: that uses up no attempt."""
        self._hold.start(fault, now)
        with self._db.write():
            move_run(self._db, run.id, RunState.ENDED, reason=RunReason.MACHINE, message=str(fault), ended=now)
            row = self._board.task(run.task)
            if row.status is Status.RUNNING and run.conflict:
                self._wait_again(run, row, str(fault), now, now)
            elif row.status is Status.RUNNING:
                self._finisher.unsuccessful(row, AttemptOutcome.MACHINE, now, detail=str(fault))

    def _retry_imports(self, now: float) -> None:
        """Work that could not be brought in from its slot is brought in as soon as the machine lets it."""
        for run in runs_in(self._db, {RunState.SUBMITTING}):
            if run.id not in self._jobs.running(FINISH) and not self._hold.reason(now):
                self._finisher.import_work(run)

    def _run_again(self, run: RunRow, now: float) -> None:
        """A run that was lost with the daemon begins again: same run, same attempt, a clean slot, answers kept."""
        with self._db.write(durable=True):
            move_run(
                self._db, run.id, RunState.PREPARING, stop=StopRequest.NONE, reason=RunReason.NONE, message="",
                reply="", offset=0, started=now, fault="",
            )  # fmt: skip
            self._db.event(now, "run again", task=run.task, run=run.id)
        self._starter.prepare_slot(get_run(self._db, run.id))

    def _never_started(self, run: RunRow, value: SlotReady | SlotFailed, now: float) -> None:
        """The run is over before an agent was started."""
        fault = value.fault if isinstance(value, SlotFailed) else None
        with self._db.write():
            move_run(
                self._db, run.id, RunState.ENDED, reason=RunReason.SETUP if fault else RunReason.CANCELLED,
                message=(fault.output or fault.reason) if fault else "", ended=now,
            )  # fmt: skip
            row = self._board.task(run.task)
            if not run.stop and row.status is Status.RUNNING:
                self._not_prepared(run, row, fault, now)
            elif run.stop is StopRequest.SHUTDOWN and row.status is Status.RUNNING:
                self._board.transition(
                    row.id, Status.READY, "interrupted when coworkd stopped", now, attempt=row.attempt - 1
                )

    def _not_prepared(self, run: RunRow, row: TaskRow, fault: StartFault | None, now: float) -> None:
        """No attempt is used: what is at fault holds whatever depends on it, or the agent has gone meanwhile."""
        if fault is None:
            self._board.transition(
                row.id, Status.READY, "its agent is gone", now, attempt=row.attempt - 1, not_before=now
            )
        elif fault.scope is FaultScope.TASK:
            why, until = self._task_hold.start(row, fault, now)
            self._wait_again(run, row, why, now, until)
        else:
            self._wait_again(run, row, self._setup_hold.start(fault, now), now, now)

    def _wait_again(self, run: RunRow, row: TaskRow, why: str, now: float, until: float) -> None:
        """A run did not begin: what it was for waits as before, until then at least."""
        if run.conflict:
            self._conflicts.put_back(run, row, why, now, until)
        else:
            self._board.transition(row.id, Status.READY, why, now, attempt=row.attempt - 1, not_before=until)

    def _not_yet(self, run: RunRow, value: SlotDeferred, now: float) -> None:
        """The branches stand in its way: it is ready as before, and is tried again."""
        with self._db.write():
            move_run(self._db, run.id, RunState.ENDED, reason=RunReason.CANCELLED, message=value.reason, ended=now)
            row = self._board.task(run.task)
            if row.status is Status.RUNNING:
                self._wait_again(run, row, value.reason, now, now + RETRY_AFTER)

    def _resume_answered(self, now: float) -> None:
        """Runs whose agents left, and that wait for nobody any more, go on as places become free."""
        for run in resumable_runs(self._db):
            row = self._board.task(run.task)
            if row.status not in (Status.RUNNING, Status.WAITING):
                continue
            postponed = self._capacity.resume_postponement(run, now)
            if postponed is None:
                self._board.transition(run.task, Status.RUNNING, "", now)
                self._go_on(run, now)
                continue
            self._postponed.append(postponed)
            if row.reason != postponed.reason:
                self._board.set_status(row, row.status, postponed.reason, now)

    def _go_on(self, run: RunRow, now: float) -> None:
        """Have a run that waited begin again; where the machine does not let it, it waits on."""
        try:
            self._starter.resume(run, now)
        except MachineFaultError as error:
            self._hold.start(error.fault, now)
            with self._db.write():
                move_run(self._db, run.id, RunState.WAITING, reason=run.reason)

    # ---- starting

    def _note_default(self) -> None:
        """Keep who does tasks that name nobody, for whoever shows the board without reading the settings."""
        default = self._board.specs.settings().agent
        if default != self._db.setting("default_agent"):
            with self._db.write():
                self._db.set_state("default_agent", default)

    def _check_changed(self, now: float) -> None:
        """Look at the dependencies around every task that changed since they were last looked at."""
        latest = int(self._db.scalar("SELECT coalesce(max(id), 0) FROM events"))
        if latest == self._checked:
            return
        with self._db.write():
            check_dependencies(self._board, tasks_touched_since(self._db, self._checked), now)
            self._db.set_state("checked", str(latest))
        self._checked = latest

    def _start_ready(self, now: float) -> None:
        for start in self._planner.plan(now):
            if exhausted := self._start_run(start, now):
                self._planner.postpone(start, exhausted)
        self._planner.record()

    def _start_run(self, start: StartRun, now: float) -> BudgetExhausted | None:
        """Start, and say so when it is not by the agent that the task asks for, or by that one for the first time.

        It does not when others have reserved what was left of the day in this very turn.
        """
        wanted = self._casting.requested(self._board.specs.task(self._board.task(start.task).path))
        cooldown = self._casting.cooldown(wanted)
        if cooldown is not None:
            again = start.agent == wanted
            with self._db.write():
                self._db.event(
                    now, "primary tried again" if again else "fallback", task=start.task, agent=start.agent,
                    instead_of="" if again else wanted, until=cooldown.until, reason=cooldown.reason,
                    error=cooldown.kind,
                )  # fmt: skip
        instead_of = "" if start.agent == wanted else wanted
        return self._starter.start(start.task, start.agent, now, instead_of=instead_of)

    # ---- beginning and end

    def recover(self) -> None:
        """After a start: end what a former daemon left, and go on where it stopped.

        Also after the database was opened again by the same daemon: what the executor holds goes on. A run of which
        the database knows nothing is ended; its work stays in its slot, and is kept when that is used again.
        """
        with self._db.write():
            probe_agents_now(self._db)
        known = live_runs(self._db)
        for run in self._executor.alive() - {run.id for run in known}:
            self._executor.kill(run)
        for run in known:
            if not self._executor.holds(run.id):
                self._recover(run)

    def _recover(self, run: RunRow) -> None:
        match run.state:
            case RunState.WORKING | RunState.WAITING:
                with self._db.write():
                    request_stop(self._db, [run], StopRequest.LOST)
                self._executor.recover(run.id, Path(run.log), run.offset)
            case RunState.PREPARING:
                self._starter.prepare_slot(run)
            case RunState.SUBMITTING:
                self._finisher.import_work(run)
            case RunState.ENDED:
                pass

    def end_lost(self, folder: Path, now: float) -> None:
        """The state folder was removed: what works there cannot be recorded any more, and is ended."""
        for run in live_runs(self._db):
            self._executor.kill(run.id)
            row = self._board.task(run.task)
            why = f"the state folder {folder} was removed while it was at work; write `ready` to begin again"
            with self._db.write(durable=True):
                move_run(self._db, run.id, RunState.ENDED, reason=RunReason.MACHINE, message=why, ended=now)
                self._db.event(now, "run ended", task=run.task, run=run.id, reason="machine", why=why)
                self._board.void_requests(run.task, now)
                if row.status in ACTIVE:
                    self._board.set_status(row, Status.PAUSED, why, now)

    def shut_down(self, now: float) -> None:
        """Tell every run to stop; those that only wait for a person stay as they are."""
        with self._db.write():
            self._db.event(now, "shutdown")
            at_work = runs_in(self._db, {RunState.PREPARING, RunState.WORKING})
            request_stop(self._db, at_work, StopRequest.SHUTDOWN)
        self._stop_requested()

    def busy(self) -> bool:
        """Whether any run is still on its way to an end it was told to come to."""
        return has_stopping_runs(self._db)
