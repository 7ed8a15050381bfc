"""What agents are told while no person is there: questions get one answer, permissions outside of the grants none.

A request that a person was asked in the evening is answered so, too: its run would wait until the morning.
"""

from __future__ import annotations

from coworkd.agents.port import AnswerDecision
from coworkd.agents.prompt.templates import Template, render
from coworkd.board.nights import night_now
from coworkd.board.task_board import Board
from coworkd.core.nights import NIGHT
from coworkd.store import RequestKind
from coworkd.store.requests import open_requests_of_kinds

_ANSWERED = (RequestKind.QUESTION, RequestKind.TOOL)


class UnattendedAnswers:
    """Used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db = board.db

    def is_night(self, now: float) -> bool:
        """Whether no person is there to be asked."""
        return night_now(self._board, now).unattended

    def answer_open(self, now: float) -> None:
        """Answer what people were asked before they left."""
        if not self.is_night(now):
            return
        for request in open_requests_of_kinds(self._db, _ANSWERED):
            decision, comment = unattended_answer(request.kind)
            with self._db.write(durable=True):
                self._board.requests.settle(request, decision, comment, NIGHT, now)


def unattended_answer(kind: RequestKind) -> tuple[str, str]:
    """The decision about a request of this kind, and the words."""
    if kind is RequestKind.QUESTION:
        return AnswerDecision.REPLY, render(Template.NO_ONE_HERE)
    return AnswerDecision.REJECTED, render(Template.NO_ONE_HERE_TO_ALLOW)
