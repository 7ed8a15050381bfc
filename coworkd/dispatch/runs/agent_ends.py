"""How agents leave: for good, for a while with a question open, or lost with their daemon."""

from __future__ import annotations

from dataclasses import replace

from coworkd.agents.port import Ended, EndReason
from coworkd.board.task_board import Board
from coworkd.dispatch.runs.finisher import RunFinisher
from coworkd.dispatch.scheduling.machine_hold import MachineHold
from coworkd.store import RequestRow, RunReason, RunRow, RunState, StopRequest
from coworkd.store.requests import has_pending_request, used_answers
from coworkd.store.runs import get_run, move_run, run_event

_CUT_SHORT = (EndReason.CRASHED, EndReason.CANCELLED)

_MAY_BE_THE_MACHINE = (EndReason.FAILED, EndReason.CRASHED, EndReason.TIMED_OUT, EndReason.STALLED)
"""Ends that an agent also comes to where no file can be written."""


class AgentEnds:
    """Records the ends of agents; used by the writer thread alone."""

    def __init__(self, board: Board, hold: MachineHold, finisher: RunFinisher) -> None:
        self._board = board
        self._db = board.db
        self._hold = hold
        self._finisher = finisher

    def record(self, run: RunRow, end: Ended, now: float) -> None:
        """The agent is gone: record how, and have its work looked after. A waiting run may only have stepped out."""
        if self._stepped_out(run, end):
            with self._db.write():
                self._answer_again(run, end, now)
                since = run.waiting_since if run.state is RunState.WAITING else now
                event = run_event(run, now, "agent left", actor="agent", reason=end.reason, exit=end.exit_code)
                move_run(
                    self._db, run.id, RunState.WAITING, event, stop=StopRequest.NONE, reason=RunReason(end.reason),
                    waiting_since=since,
                )  # fmt: skip
            return
        if run.stop is StopRequest.LOST and end.reason in _CUT_SHORT and run.session:
            self._take_back(run, end, now)
            return
        end = self._attributed(run, end, now)
        by_itself = (run.stop is StopRequest.LOST and end.reason not in _CUT_SHORT) or (
            run.stop is StopRequest.BUDGET and end.reason is EndReason.DONE
        )
        stop = StopRequest.NONE if by_itself else run.stop
        with self._db.write(durable=True):
            event = run_event(run, now, "agent ended", actor="agent", reason=end.reason, exit=end.exit_code)
            move_run(
                self._db, run.id, RunState.SUBMITTING, event, reason=RunReason(end.reason), stop=stop,
                message=run.message if stop is StopRequest.BUDGET else end.message,
                fault=end.fault, last_event_at=now,
            )  # fmt: skip
            self._finisher.reserve_number(get_run(self._db, run.id))
        self._finisher.import_work(get_run(self._db, run.id))

    def _attributed(self, run: RunRow, end: Ended, now: float) -> Ended:
        """An agent that fails has failed for what kept files from being written, now or before, where that was seen.

        Looked at before its work is kept, for which there may be no space either.
        """
        fails = end.reason in _MAY_BE_THE_MACHINE and run.stop is not StopRequest.LOST
        if (fault := self._hold.fault()) is not None and fails:
            self._hold.start(fault, now)
        end = replace(end, fault=str(fault or "") or end.fault or run.fault)
        return replace(end, reason=EndReason.MACHINE, message=end.fault) if fails and end.fault else end

    def _take_back(self, run: RunRow, end: Ended, now: float) -> None:
        """A run that was lost with the daemon, but has a session, goes on with it in its slot as it was left."""
        with self._db.write(durable=True):
            event = run_event(run, now, "session taken up again", session=run.session)
            move_run(
                self._db, run.id, RunState.WAITING, event, stop=StopRequest.NONE, reason=RunReason(end.reason),
                waiting_since=now,
            )  # fmt: skip

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
