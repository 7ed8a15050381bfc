"""The requests of commands that the main loop has taken and not yet answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from coworkd.system.control_socket import ControlReply, ControlRequest, Op

GIT_JOBS_TO_WAIT_FOR = 2
"""How many jobs that ask git may end before a request is answered: one that was under way, and the one after it."""


@dataclass(frozen=True, slots=True)
class _ExecutedRequest:
    """A request that was carried out in a turn, when that was, and how many jobs had asked git by then."""

    request: ControlRequest
    at: float
    git_jobs_before: int


class OpenRequests:
    """Requests from being taken to their answer; used by the writer thread alone."""

    def __init__(self, waiting: Callable[[], Iterable[ControlRequest]], stop: Callable[[], None]) -> None:
        """`waiting` takes the requests that wait at the socket; `stop` is called as soon as one asks to stop."""
        self._waiting = waiting
        self._stop = stop
        self.of_turn: list[ControlRequest] = []
        """Taken, and to be carried out in the present turn."""
        self._executed: list[_ExecutedRequest] = []

    def take(self) -> None:
        """Take what waits at the socket, but for the requests of clients that have given up."""
        for request in self._waiting():
            if not request.begin():
                continue
            self.of_turn.append(request)
            if request.op is Op.STOP:
                self._stop()

    def answer_finished(
        self,
        settle: Callable[[ControlRequest], None],
        now: float,
        is_settling: Callable[[float], bool],
        *,
        git_is_asked: bool,
        git_jobs_ended: int,
    ) -> None:
        """At the end of a turn: settle each request for which everything is taken in that was saved before it.

        `is_settling`: whether a file that was noticed by a time is read as soon as it stands still. `git_is_asked`:
        something that was saved waits for git, and git answers; two jobs are waited for at the most.
        """
        self._executed += [_ExecutedRequest(request, now, git_jobs_ended) for request in self.of_turn]
        self.of_turn = []
        still_waiting: list[_ExecutedRequest] = []
        for executed in self._executed:
            git_has_answered = git_jobs_ended >= executed.git_jobs_before + GIT_JOBS_TO_WAIT_FOR
            taken_in = (not git_is_asked or git_has_answered) and not is_settling(executed.at)
            if taken_in or executed.request.op is Op.STOP:
                settle(executed.request)
            else:
                still_waiting.append(executed)
        self._executed = still_waiting

    def refuse_executed(self, reason: str) -> None:
        """The turns in which these requests were carried out are undone."""
        for executed in self._executed:
            executed.request.answer(ControlReply(ok=False, text=reason))
        self._executed.clear()

    def refuse_all(self, reason: str) -> None:
        """The present turn could not be done; a request to stop is obeyed all the same."""
        for request in self.of_turn:
            request.answer(ControlReply(ok=request.op is Op.STOP, text=reason))
        self.of_turn.clear()
        self.refuse_executed(reason)
