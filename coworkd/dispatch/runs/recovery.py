"""Runs that the daemon finds when it starts, runs that get lost while it is there, and runs whose folders are gone."""

from __future__ import annotations

import logging
from pathlib import Path

from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import MessageKind, MessageState, Status
from coworkd.core.runs import EndedState, PreparingState, SubmittingState, WaitingState, WorkingState
from coworkd.core.task_states import ACTIVE
from coworkd.dispatch.executors.port import Executor
from coworkd.dispatch.executors.slot_results import SavedWork
from coworkd.dispatch.runs.finisher import RunFinisher
from coworkd.dispatch.runs.result_message import result_message
from coworkd.dispatch.runs.starter import RunStarter
from coworkd.store import RunReason, RunRow, RunState, StopRequest
from coworkd.store.runs import live_runs, move_run, request_stop, run_event, runs_in

_logger = logging.getLogger("coworkd")


class RunRecovery:
    """Used by the writer thread alone."""

    def __init__(self, board: Board, executor: Executor, starter: RunStarter, finisher: RunFinisher) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._executor = executor
        self._starter = starter
        self._finisher = finisher

    def recover(self) -> None:
        """After a start: end what a former daemon left, and go on where it stopped.

        Also after the database was opened again by the same daemon: what the executor holds goes on. A run of which
        the database knows nothing is ended; its work stays in its slot, and is kept when that is used again.
        """
        known = live_runs(self._db)
        for run in self._executor.alive() - {run.id for run in known}:
            self._executor.kill(run)
        for run in known:
            if not self._executor.holds(run.id):
                self._recover(run)

    def recover_lost(self, now: float) -> None:
        """Runs that are at work as far as the database knows, and of which the executor knows nothing."""
        for run in runs_in(self._db, {RunState.WORKING}):
            if run.stop is StopRequest.NONE and not self._executor.holds(run.id):
                _logger.error("run %s is not at work any more, and nothing was told of its end", run.id)
                with self._db.write():
                    self._db.event(now, EventKind.RUN_LOST, task=run.task, run=run.id)
                self._recover(run)

    def _recover(self, run: RunRow) -> None:
        match run.state:
            case WorkingState() | WaitingState():
                with self._db.write():
                    request_stop(self._db, [run], StopRequest.LOST)
                self._executor.recover(run.id, run.start.epoch, Path(run.start.log), run.start.offset)
            case PreparingState():
                self._starter.prepare_slot(run)
            case SubmittingState():
                self._finisher.import_work(run, run.state)
            case EndedState():
                pass

    def end_lost_runs(self, folder: Path, now: float) -> None:
        """The state folder was removed: what works there cannot be recorded any more, and is ended."""
        for run in live_runs(self._db):
            self._executor.kill(run.id)
            row = self._board.task(run.task)
            why = f"the state folder {folder} was removed while it was at work; write `ready` to begin again"
            with self._db.write(durable=True):
                event = run_event(run, now, EventKind.RUN_ENDED, reason=RunReason.MACHINE, why=why)
                told = result_message(run, SubmittingState(reason=RunReason.MACHINE, message=why), SavedWork())
                path = self._documents.add_message(run, MessageKind.RESULT, told, now, state=MessageState.ERROR)
                state = EndedState(at=now, reason=RunReason.MACHINE, message=why, message_path=path)
                move_run(self._db, run.id, state, event)
                self._board.void_requests(run.task, now)
                if row.status in ACTIVE:
                    self._board.set_status(row, Status.PAUSED, why, now)
