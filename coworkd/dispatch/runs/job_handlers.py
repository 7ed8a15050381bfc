"""What becomes of the jobs around a run: a slot that was made ready, and work that was imported, or was not."""

from __future__ import annotations

from dataclasses import replace

from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.task_board import Board
from coworkd.core.errors import AgentError
from coworkd.core.event_kinds import EventKind
from coworkd.core.machine_faults import MachineFaultError
from coworkd.core.runs import PreparingState, SubmittingState
from coworkd.core.start_faults import StartFault, StartFaultKind
from coworkd.dispatch.executors.slot_results import (
    FinishResult,
    MachineFailed,
    PrepareResult,
    SavedWork,
    SlotDeferred,
    SlotFailed,
    SlotReady,
)
from coworkd.dispatch.runs.finisher import FINISH, RunFinisher
from coworkd.dispatch.runs.interruption_message import begun_again_message
from coworkd.dispatch.runs.run_ends import NotStarted
from coworkd.dispatch.runs.slot_emptying import SlotEmptier
from coworkd.dispatch.runs.starter import PREPARE, RunStarter
from coworkd.dispatch.scheduling.agent_selection import AgentSelector
from coworkd.dispatch.scheduling.machine_hold import MachineHold
from coworkd.dispatch.scheduling.setup_hold import SetupHold
from coworkd.dispatch.scheduling.task_hold import TaskHold
from coworkd.store import RunRow, StopRequest
from coworkd.store.runs import find_live_run, get_run, move_run, run_event
from coworkd.system.background_jobs import JobFailed, Jobs


class RunJobHandlers:
    """Takes the results of jobs; used by the writer thread alone."""

    def __init__(
        self,
        board: Board,
        starter: RunStarter,
        finisher: RunFinisher,
        emptier: SlotEmptier,
        machine_hold: MachineHold,
        setup_hold: SetupHold,
    ) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._starter = starter
        self._finisher = finisher
        self._emptier = emptier
        self._machine_hold = machine_hold
        self._setup_hold = setup_hold
        self._task_hold = TaskHold(board)
        self._agents = AgentSelector(board)

    def register(self, jobs: Jobs) -> None:
        """From here on the results of both kinds of jobs come here."""
        jobs.handle(PREPARE, then=self._slot_prepared, failed=self._prepare_failed)
        jobs.handle(FINISH, then=self._work_imported, failed=self._import_failed)

    def _slot_prepared(self, run_id: str, value: PrepareResult, now: float) -> None:
        """A slot was made ready for a run, or was not."""
        run = find_live_run(self._db, run_id)
        if run is None or not isinstance(run.state, PreparingState):
            return
        match value:
            case SlotReady() if not run.stop and self._agents.agent(run.agent):
                self._start_agent(run, value, now)
            case SlotReady():
                self._finisher.record_not_started(run, NotStarted(), now)
            case SlotDeferred() | SlotFailed() | MachineFailed():
                self._finisher.record_not_started(run, value, now)

    def _prepare_failed(self, run_id: str, failure: JobFailed, now: float) -> None:
        if failure.fault:
            self._slot_prepared(run_id, MachineFailed(fault=failure.fault), now)
            return
        fault = StartFault(kind=StartFaultKind.SLOT, reason=failure.reason)
        self._slot_prepared(run_id, SlotFailed(fault=fault), now)

    def _work_imported(self, run_id: str, value: FinishResult | MachineFailed, now: float) -> None:
        """What a run left was brought in or kept, or could not be."""
        run = find_live_run(self._db, run_id)
        if run is None:
            return
        if isinstance(value, MachineFailed):
            self._machine_hold.hold_runs(value.fault, now)
        elif isinstance(run.state, SubmittingState):
            self._board.clear_problems(self._board.task(run.task).path, FINISH.name)
            if isinstance(value, SavedWork) and run.stop is StopRequest.LOST:
                self._begin_again(run, run.state, value, now)
            else:
                self._machine_hold.release()
                self._finisher.record_finished(run, run.state, value, now)
                self._emptier.note_end(run, value)

    def _import_failed(self, run_id: str, failure: JobFailed, now: float) -> None:
        """The work stays in its slot until it can be brought in."""
        run = find_live_run(self._db, run_id)
        if run is None:
            return
        if failure.fault:
            self._machine_hold.hold_runs(failure.fault, now)
            return
        with self._db.write():
            slot = f"slot {run.slot.number}"
            why = f"its work could not be brought in and stays in {slot}: {failure.reason}; {failure.retry}"
            self._board.add_problem(self._board.task(run.task), FINISH.name, why, now)

    def _start_agent(self, run: RunRow, slot: SlotReady, now: float) -> None:
        """Have the executor begin; where the machine does not let it, the run ends before it began."""
        try:
            self._starter.start_agent(run, slot, now)
            self._machine_hold.release()
            self._setup_hold.release()
            self._task_hold.release(self._board.task(run.task))
        except MachineFaultError as error:
            self._finisher.record_not_started(run, MachineFailed(fault=error.fault), now)
        except AgentError as error:
            fault = StartFault(kind=StartFaultKind.WORKER, reason=str(error))
            self._finisher.record_not_started(run, SlotFailed(fault=fault), now)

    def _begin_again(self, run: RunRow, end: SubmittingState, work: SavedWork, now: float) -> None:
        """A run that was lost with the daemon begins again: same run, same attempt, a clean slot, answers kept."""
        with self._db.write(durable=True):
            told = begun_again_message(run, end.message, said=run.reply, refs=work.refs)
            self._documents.add_interruption(run, told, now)
            move_run(
                self._db, run.id, PreparingState(), run_event(run, now, EventKind.RUN_BEGUN_AGAIN),
                stop=StopRequest.NONE, reply="", start=replace(run.start, offset=0), started=now, fault="",
            )  # fmt: skip
        self._starter.prepare_slot(get_run(self._db, run.id))
