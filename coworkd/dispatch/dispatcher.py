"""Dispatch as one turn: what people wrote, messages and answers, results of jobs and runs, and what starts next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from coworkd.agents.port import AgentEvent, Ended
from coworkd.board import status_requests
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.machine_faults import MachineFaultError
from coworkd.core.model import Status
from coworkd.core.runs import SubmittingState
from coworkd.dispatch.collaboration.attempts import is_collaboration
from coworkd.dispatch.collaboration.choices import Choices
from coworkd.dispatch.collaboration.driver import PatternDriver
from coworkd.dispatch.collaboration.step_starts import StepStarts
from coworkd.dispatch.collaboration.verdicts import ChosenChange, VerdictService
from coworkd.dispatch.executors.port import Executor, RunEvent
from coworkd.dispatch.runs.agent_ends import AgentEnds
from coworkd.dispatch.runs.answer_delivery import AnswerDelivery
from coworkd.dispatch.runs.conflict_rounds import ConflictRounds
from coworkd.dispatch.runs.event_recorder import EventRecorder
from coworkd.dispatch.runs.fencing import ReportFate, judge_report
from coworkd.dispatch.runs.finisher import FINISH, RunFinisher
from coworkd.dispatch.runs.job_handlers import RunJobHandlers
from coworkd.dispatch.runs.message_delivery import MessageDelivery
from coworkd.dispatch.runs.plan_mode import PlanRuns
from coworkd.dispatch.runs.recovery import RunRecovery
from coworkd.dispatch.runs.slot_emptying import SlotEmptier
from coworkd.dispatch.runs.starter import RunStarter
from coworkd.dispatch.runs.stopped_workers import StoppedWorkers
from coworkd.dispatch.runs.unattended_answers import UnattendedAnswers
from coworkd.dispatch.scheduling.agent_selection import AgentSelector, choice_event
from coworkd.dispatch.scheduling.budget_rules import BudgetExhausted
from coworkd.dispatch.scheduling.capacity import CapacityReader
from coworkd.dispatch.scheduling.dependency_check import DependencyWatch
from coworkd.dispatch.scheduling.machine_hold import MachineHold
from coworkd.dispatch.scheduling.plan_catalog import PlanCatalog
from coworkd.dispatch.scheduling.scheduler import Postponed, StartRun
from coworkd.dispatch.scheduling.setup_hold import SetupHold
from coworkd.dispatch.scheduling.start_planner import StartPlanner
from coworkd.store import Database, RunReason, RunRow, RunState, StopRequest, SubmissionRow
from coworkd.store.agent_stops import probe_agents_now
from coworkd.store.events import add_event
from coworkd.store.runs import (
    find_run,
    has_stopping_runs,
    move_run,
    request_stop,
    resumable_runs,
    run_event,
    runs_in,
    runs_to_stop,
    update_run,
)
from coworkd.store.tasks import next_status_request_at
from coworkd.system.background_jobs import Jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class RunServices:
    """What looks after a run, from its start to its end."""

    starter: RunStarter
    recorder: EventRecorder
    finisher: RunFinisher
    conflicts: ConflictRounds
    machine_hold: MachineHold
    setup_hold: SetupHold
    emptier: SlotEmptier
    capacity: CapacityReader
    promote: Callable[[ChosenChange], ChosenChange]
    """Gives the change that a pattern has chosen its ref; for a job."""


class Dispatcher:
    """All of dispatch that the daemon sees; used by the writer thread alone."""

    def __init__(
        self,
        board: Board,
        executor: Executor,
        jobs: Jobs,
        services: RunServices,
        is_behind: Callable[[str, float], bool] = lambda _path, _now: False,
    ) -> None:
        """`is_behind`: whether a file was saved and this is not taken in yet, at a time."""
        self._board = board
        self._db: Database = board.db
        self._executor = executor
        self._jobs = jobs
        self._starter = services.starter
        self._finisher = services.finisher
        self._conflicts = services.conflicts
        self._recorder = services.recorder
        self._machine_hold = services.machine_hold
        self._stopped_workers = StoppedWorkers(board, executor)
        self._recovery = RunRecovery(board, executor, services.starter, services.finisher)
        self._agent_ends = AgentEnds(board, services.machine_hold, services.finisher)
        self._messages = MessageDelivery(board, executor)
        self._answers = AnswerDelivery(board, executor)
        self._unattended = UnattendedAnswers(board)
        self._capacity = services.capacity
        self._choices = Choices(board)
        self._patterns = _pattern_driver(board, jobs, services, self._choices)
        self._planner = StartPlanner(board, services.capacity, is_behind)
        self._agents = AgentSelector(board)
        self._plan_runs = PlanRuns(board)
        self._plan_catalog = PlanCatalog(board)
        self._dependencies = DependencyWatch(board)
        self._emptier = services.emptier
        self._emptier.register()
        RunJobHandlers(
            board, services.starter, services.finisher, services.emptier, services.machine_hold, services.setup_hold
        ).register(jobs)
        self._postponed: list[Postponed] = []
        """Runs that are to go on and conflicts that are to go back, which wait for capacity."""
        self._conflicting: list[SubmissionRow] = []

    # ---- one turn

    def step(self, now: float) -> None:
        """Act on everything that is due, beginning nothing."""
        self._store_default_agent()
        status_requests.apply_status_requests(self._board, now)
        self._messages.deliver_messages(now)
        self._messages.deliver_edits(now)
        self._answers.apply_permissions(now)
        self._plan_runs.decide(now)
        self._choices.decide(now)
        self._record_events(now)
        self._recovery.recover_lost(now)
        self._stopped_workers.show(now)
        self._stop_runs(now)
        self._retry_imports(now)
        self._plan_catalog.refresh(now)
        self._dependencies.look(now)
        self._unattended.answer_open(now)
        self._answers.deliver_answers(now)
        self._conflicting = self._finisher.take_back_failed(now)

    def start(self, now: float) -> bool:
        """Begin what may begin: resumed runs, conflicts back to their authors, ready tasks.

        Returns whether any slot is to be prepared for a ready task.
        """
        self._agents.stops.end_changed(now)
        self._plan_runs.restore_requests(now)
        self._postponed = []
        if not self._machine_hold.reason(now):
            self._starter.record_sandbox_status(now)
            self._resume_answered(now)
            self._postponed += self._conflicts.send_back(self._conflicting, now)
            self._postponed += self._patterns.advance(now)
        begun = self._start_ready_tasks(now)
        self._emptier.start()
        return begun

    def deadline(self, now: float) -> float | None:
        """When time alone gives dispatch something to do."""
        times = [postponed.until for postponed in self._postponed]
        times += [
            self._planner.deadline(), self._machine_hold.deadline(now), next_status_request_at(self._db),
            self._messages.deadline(now), self._answers.deadline(), self._conflicts.deadline(self._conflicting, now),
        ]  # fmt: skip
        return min((at for at in times if at is not None), default=None)

    # ---- runs

    def _record_events(self, now: float) -> None:
        """Record what the executor has to report since what was last committed."""
        for report in self._executor.events():
            if (run := find_run(self._db, report.run)) is not None:
                self._take_report(run, report, now)
            self._executor.commit(report.run, report.offset)

    def _take_report(self, run: RunRow, report: RunEvent, now: float) -> None:
        match judge_report(run, report):
            case ReportFate.COUNTS:
                with self._db.write(durable=isinstance(report.event, Ended)):
                    self._record_event(run, report.event, now)
                    update_run(self._db, run.id, start=replace(run.start, offset=report.offset))
            case ReportFate.REFUSED if isinstance(report.event, Ended):
                with self._db.write():
                    self._agent_ends.refuse(run, report.epoch, report.event, now)
            case ReportFate.REFUSED | ReportFate.KNOWN:
                pass

    def _record_event(self, run: RunRow, event: AgentEvent, now: float) -> None:
        if isinstance(event, Ended):
            self._agent_ends.record(run, event, now)
        else:
            self._recorder.record(run, event, now)

    def _stop_runs(self, now: float) -> None:
        """End every run that was told to stop; one without a process goes straight to keeping its work.

        One whose process has just ended has said how, which is recorded first: it may have finished its work.
        """
        for run in runs_to_stop(self._db):
            if self._executor.holds(run.id):
                self._executor.cancel(run.id)
            else:
                event = run_event(run, now, EventKind.RUN_STOPPED, stop=run.stop)
                with self._db.write():
                    state = SubmittingState(reason=RunReason.CANCELLED, message=run.stop_message)
                    move_run(self._db, run.id, state, event)
                self._finisher.import_work(run, state)

    def _retry_imports(self, now: float) -> None:
        """Work that could not be brought in from its slot is brought in as soon as the machine lets it."""
        for run in runs_in(self._db, {RunState.SUBMITTING}):
            if run.id not in self._jobs.running(FINISH) and not self._machine_hold.reason(now):
                self._import_work(run)

    def _import_work(self, run: RunRow) -> None:
        assert isinstance(run.state, SubmittingState), "the work of a run is brought in once its agent has ended"
        self._finisher.import_work(run, run.state)

    def _resume_answered(self, now: float) -> None:
        """Resume runs whose agents exited and that no longer wait for an answer, as capacity becomes free."""
        for run in resumable_runs(self._db):
            row = self._board.task(run.task)
            if row.status not in (Status.RUNNING, Status.WAITING):
                continue
            postponed = self._capacity.resume_postponement(run, now)
            if postponed is None:
                self._board.transition(run.task, Status.RUNNING, "", now)
                self._resume_run(run, now)
                continue
            self._postponed.append(postponed)
            if row.reason != postponed.reason:
                self._board.set_status(row, row.status, postponed.reason, now)

    def _resume_run(self, run: RunRow, now: float) -> None:
        """Have a run that waited begin again; where the machine does not let it, it waits on."""
        try:
            self._starter.resume(run, now)
        except MachineFaultError as error:
            self._machine_hold.hold_runs(error.fault, now)
            event = run_event(run, now, EventKind.RUN_WAITS_AGAIN, why=str(error.fault))
            with self._db.write():
                move_run(self._db, run.id, run.state, event, live=run.live)

    # ---- starting

    def _store_default_agent(self) -> None:
        """Store the agent of tasks that name none, for code that shows the board without reading the settings."""
        default = self._board.specs.settings().agent
        if default != self._db.state.default_agent:
            with self._db.write():
                self._db.state.default_agent = default

    def _start_ready_tasks(self, now: float) -> bool:
        """Returns whether any was to start."""
        if starts := self._planner.plan(now):
            # One durable commit for all of them: their slots are made ready after it.
            with self._db.write(durable=True):
                for start in starts:
                    if exhausted := self._start_run(start, now):
                        self._planner.postpone(start, exhausted)
            self._postponed += self._patterns.advance(now)
        self._planner.record()
        return bool(starts)

    def _start_run(self, start: StartRun, now: float) -> BudgetExhausted | None:
        """Start a task: its pattern, or the one run that works on it alone."""
        if is_collaboration(self._board.specs.task(self._board.task(start.task).path)):
            self._patterns.begin(start.task, start.agent, now)
            return None
        return self._start_alone(start, now)

    def _start_alone(self, start: StartRun, now: float) -> BudgetExhausted | None:
        """Start a run, and write an event when a fallback does it, or the requested agent for the first time again.

        It does not start when others have reserved what was left of the day in this very turn.
        """
        wanted = self._agents.requested(self._board.specs.task(self._board.task(start.task).path))
        if event := choice_event(start.task, start.agent, wanted, self._agents.cooldown(wanted), now):
            with self._db.write():
                add_event(self._db, event)
        instead_of = "" if start.agent == wanted else wanted
        return self._starter.start(start.task, start.agent, now, instead_of=instead_of)

    # ---- beginning and end

    def recover(self) -> None:
        """After a start, or when the database was opened again: go on where the work stopped."""
        with self._db.write():
            probe_agents_now(self._db)
        self._recovery.recover()

    def end_lost_runs(self, folder: Path, now: float) -> None:
        """The state folder was removed: what works there cannot be recorded any more, and is ended."""
        self._recovery.end_lost_runs(folder, now)

    def shut_down(self, now: float) -> None:
        """Tell every run to stop; those that only wait for a person stay as they are."""
        with self._db.write():
            self._db.event(now, EventKind.SHUTDOWN)
            at_work = runs_in(self._db, {RunState.PREPARING, RunState.WORKING})
            request_stop(self._db, at_work, StopRequest.SHUTDOWN)
        self._stop_runs(now)

    def is_stopping(self) -> bool:
        """Whether any run is still on its way to an end it was told to come to."""
        return has_stopping_runs(self._db)


def _pattern_driver(board: Board, jobs: Jobs, services: RunServices, choices: Choices) -> PatternDriver:
    starts = StepStarts(board, services.starter, services.capacity)
    verdicts = VerdictService(board, jobs, services.promote, choices)
    return PatternDriver(board, starts, verdicts, services.starter.instance)
