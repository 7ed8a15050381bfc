"""The outbox and the inbox of a run whose agent has a protocol of its own: for what that protocol cannot express."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from coworkd.agents.port import Asked, Assignment, InboxAnswer, Posted
from coworkd.agents.prompt.templates import Template, render
from coworkd.agents.worker.inbox import Inbox, render_answer
from coworkd.agents.worker.outbox import Outbox

OUTBOX_LEDGER = "outbox.taken"


def mailbox_environment(assignment: Assignment) -> Mapping[str, str]:
    """The environment by which an agent finds both, and its task."""
    env = {
        "COWORK_TASK": assignment.task,
        "COWORK_ATTEMPT": str(assignment.attempt),
        "COWORK_OUTBOX": str(assignment.outbox_dir),
        "COWORK_INBOX": str(assignment.inbox_dir),
    }
    if assignment.step:
        env |= {"COWORK_STEP": assignment.step, "COWORK_ROLE": assignment.role}
    return env | ({"COWORK_CONFLICT": assignment.conflict} if assignment.conflict else {})


class Mailbox:
    """Files from the agent and files for it; used by the run's own thread."""

    def __init__(self, assignment: Assignment) -> None:
        self._given = frozenset(file.name for file in assignment.inbox)
        self._inbox = Inbox(assignment.inbox_dir, assignment.inbox)
        self._outbox = Outbox(assignment.outbox_dir, Path(assignment.run_dir, OUTBOX_LEDGER), self._inbox.has)
        self._open: dict[str, str] = {}

    def new_posts(self, *, last: bool = False) -> Iterator[Asked | Posted]:
        """What the agent has left since the last look."""
        now = time.monotonic()
        if not last and self._outbox.seconds_to_look(now) != 0.0:
            return
        for event in self._outbox.poll_all(now) if last else self._outbox.poll(now):
            if isinstance(event, Asked) and event.request not in self._given:
                self._open[event.request] = event.text
            yield event

    @property
    def outbox(self) -> Outbox:
        return self._outbox

    @property
    def open_requests(self) -> tuple[str, ...]:
        """Requests that wait for a person."""
        return tuple(self._open)

    def put_answer(self, request: str, answer: InboxAnswer) -> str:
        """Put the answer into the inbox, once; the question and the answer as text."""
        question = self._open.pop(request)
        self._inbox.put(request, render_answer(answer))
        said = answer.body.strip() or answer.comment.strip()
        word = "" if answer.decision == "reply" else f"**{answer.decision}** "
        return render(Template.OUTBOX_ANSWER, question=question, answer=f"{word}{said}").rstrip()

    def close(self) -> None:
        self._outbox.close()
        self._inbox.close()
