"""A request is carried out in one turn, and answered in it or a later one: exactly once."""

from __future__ import annotations

import math

import pytest

from coworkd.daemon.open_requests import OpenRequests
from coworkd.system.control_socket import ControlReply, ControlRequest, Op


class Turns:
    """Requests of clients, and what became of them."""

    def __init__(self) -> None:
        self.waiting: list[ControlRequest] = []
        self.stopped = False
        self.noticed = math.inf
        """When the file was noticed that is still settling."""
        self.requests = OpenRequests(self._take, self._stop)

    def send(self, op: Op, *, given_up: bool = False) -> ControlRequest:
        request = ControlRequest(op=op, begin=lambda: not given_up)
        self.waiting.append(request)
        return request

    def end(self, now: float = 0.0, *, git_is_asked: bool = False, git_jobs_ended: int = 0) -> None:
        self.requests.answer_finished(
            _settle, now, lambda since: since >= self.noticed, git_is_asked=git_is_asked, git_jobs_ended=git_jobs_ended
        )

    def _take(self) -> list[ControlRequest]:
        taken, self.waiting = self.waiting, []
        return taken

    def _stop(self) -> None:
        self.stopped = True


def _settle(request: ControlRequest) -> None:
    request.answer(ControlReply(ok=True))


@pytest.fixture
def turns() -> Turns:
    return Turns()


def test_a_request_to_stop_is_obeyed_as_soon_as_it_is_taken(turns: Turns) -> None:
    turns.send(Op.SYNC)
    turns.requests.take()
    assert not turns.stopped
    turns.send(Op.STOP)
    turns.requests.take()
    assert turns.stopped


def test_nothing_is_done_for_a_client_that_has_given_up(turns: Turns) -> None:
    turns.send(Op.STOP, given_up=True)
    turns.requests.take()
    assert (turns.stopped, turns.requests.of_turn) == (False, [])


def test_a_request_is_answered_with_its_turn_where_git_is_not_asked(turns: Turns) -> None:
    request = turns.send(Op.SYNC)
    turns.requests.take()
    turns.end()
    assert request.wait(0) == ControlReply(ok=True)


def test_a_request_waits_for_two_jobs_that_ask_git_and_a_request_to_stop_for_none(turns: Turns) -> None:
    look, stop = turns.send(Op.SYNC), turns.send(Op.STOP)
    turns.requests.take()
    turns.end(git_is_asked=True, git_jobs_ended=5)
    assert (look.answered, stop.answered) == (False, True)
    turns.end(git_is_asked=True, git_jobs_ended=6)
    assert not look.answered
    turns.end(git_is_asked=True, git_jobs_ended=7)
    assert look.answered


def test_a_request_waits_for_files_that_were_noticed_before_it_and_for_no_others(turns: Turns) -> None:
    before, stop = turns.send(Op.SYNC), turns.send(Op.STOP)
    turns.requests.take()
    turns.noticed = 2.0
    turns.end(now=1.0)
    assert (before.answered, stop.answered) == (True, True)
    look = turns.send(Op.SYNC)
    turns.requests.take()
    turns.end(now=3.0)
    assert not look.answered
    turns.noticed = 4.0
    turns.end(now=5.0)
    assert look.answered


def test_a_turn_that_fails_refuses_every_request_but_one_to_stop(turns: Turns) -> None:
    executed = turns.send(Op.SYNC)
    turns.requests.take()
    turns.end(git_is_asked=True)
    present, stop = turns.send(Op.SYNC), turns.send(Op.STOP)
    turns.requests.take()
    turns.requests.refuse_all("no space")
    refused = ControlReply(ok=False, text="no space")
    assert (executed.wait(0), present.wait(0)) == (refused, refused)
    assert stop.wait(0) == ControlReply(ok=True, text="no space")
    assert turns.requests.of_turn == []
