"""How agents leave: for good, for a while with a question open, or lost with their daemon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from coworkd.agents.port import Ended, EndReason
from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.runs import SubmittingState, WaitingState
from coworkd.dispatch.runs.agent_end_rules import (
    RunAfterAgent,
    attributed_end,
    may_be_the_machine,
    remaining_stop,
    run_after_agent,
)
from coworkd.dispatch.runs.finisher import RunFinisher
from coworkd.dispatch.runs.interruption_message import late_message, resumed_message
from coworkd.dispatch.scheduling.machine_hold import MachineHold
from coworkd.store import RequestRow, RunReason, RunRow, StopRequest
from coworkd.store.events import NewEvent, add_event
from coworkd.store.requests import has_pending_request, used_answers
from coworkd.store.runs import move_run, run_event


class AgentEnds:
    """Records the ends of agents; used by the writer thread alone."""

    def __init__(self, board: Board, machine_hold: MachineHold, finisher: RunFinisher) -> None:
        self._board = board
        self._db = board.db
        self._documents = GeneratedDocuments(board.db)
        self._machine_hold = machine_hold
        self._finisher = finisher

    def record(self, run: RunRow, end: Ended, now: float) -> None:
        """The agent is gone: record how, and have its work looked after. A waiting run may only have stepped out."""
        undelivered = [
            request for request in used_answers(self._db, run.id) if request.name in end.undelivered_requests
        ]
        pending = has_pending_request(self._db, run.id)
        match run_after_agent(run, end, undelivered=bool(undelivered), pending=pending):
            case RunAfterAgent.WAITS:
                self._let_run_wait(run, end, undelivered, now)
            case RunAfterAgent.RESUMES:
                event = run_event(run, now, EventKind.SESSION_RESUMED, session=run.session)
                with self._db.write(durable=True):
                    self._documents.add_interruption(run, resumed_message(run, end.message), now)
                    self._move_to_waiting(run, end, event, since=now)
            case RunAfterAgent.ENDS:
                self._end_run(run, end, now)

    def refuse(self, run: RunRow, epoch: int, end: Ended, now: float) -> None:
        """A start of the run that had been given up has ended after all; inside of a transaction."""
        event = run_event(run, now, EventKind.LATE_END_REFUSED, actor="agent", start=epoch, reason=end.reason)
        add_event(self._db, event)
        if end.reason is EndReason.DONE:
            self._documents.add_late_end(run, epoch, late_message(run, epoch), now)

    def _let_run_wait(self, run: RunRow, end: Ended, undelivered: Sequence[RequestRow], now: float) -> None:
        """The run waits; answers that came too late are handed over with the next start."""
        event = run_event(run, now, EventKind.AGENT_LEFT, actor="agent", reason=end.reason, exit=end.exit_code)
        with self._db.write():
            for request in undelivered:
                self._board.requests.return_answer(request, now)
            since = run.state.since if isinstance(run.state, WaitingState) else now
            self._move_to_waiting(run, end, event, since=since)

    def _move_to_waiting(self, run: RunRow, end: Ended, event: NewEvent, *, since: float) -> None:
        state = WaitingState(since=since, reason=RunReason(end.reason))
        move_run(self._db, run.id, state, event, stop=StopRequest.NONE)

    def _end_run(self, run: RunRow, end: Ended, now: float) -> None:
        # Looked at before its work is kept, for which there may be no space either.
        fault = self._machine_hold.fault()
        if fault is not None and may_be_the_machine(run, end):
            self._machine_hold.hold_runs(fault, now)
        end = attributed_end(run, end, str(fault or ""))
        stop, reason = remaining_stop(run, end), RunReason(end.reason)
        message = run.stop_message if stop is StopRequest.BUDGET else end.message
        with self._db.write(durable=True):
            number = self._finisher.reserve_number(replace(run, stop=stop), reason)
            state = SubmittingState(reason=reason, message=message, submission=number)
            event = run_event(run, now, EventKind.AGENT_ENDED, actor="agent", reason=end.reason, exit=end.exit_code)
            live = replace(run.live, last_event_at=now)
            move_run(self._db, run.id, state, event, stop=stop, fault=end.fault, live=live)
        self._finisher.import_work(run, state)
