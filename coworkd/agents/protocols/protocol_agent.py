"""The base of drivers whose program is spoken to: it starts the program, and lays on a desk what comes in from outside.

What is said is the driver's own affair: it hands over a line of words and a conversation.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from coworkd.agents.port import AgentEvent, Assignment, Ended, EndReason, ErrorKind, ErrorReported, InboxAnswer
from coworkd.agents.protocols.jsonl_channel import Dialogue
from coworkd.agents.worker.credentials import lend
from coworkd.agents.worker.launch import failed_start, launch
from coworkd.agents.worker.mailbox import Mailbox, folders
from coworkd.agents.worker.missing_program import missing_program_reason
from coworkd.agents.worker.run_signals import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a conversation is held with."""

    assignment: Assignment
    dialogue: Dialogue
    desk: Desk
    mail: Mailbox


Talk: TypeAlias = Callable[[Surroundings], Iterator[AgentEvent]]
"""A conversation: everything that happens, the end last."""


class SpokenAgent:
    """One start of a run. A driver's `start` looks at the assignment and calls `converse`."""

    def __init__(self) -> None:
        self._desk = Desk()

    def answer(self, request: str, answer: InboxAnswer) -> None:
        self._desk.answer(request, answer)

    def deliver(self, name: str, text: str) -> None:
        self._desk.deliver(name, text)

    def cancel(self) -> None:
        self._desk.stop()

    def kill(self) -> None:
        self._desk.stop(kill=True)

    def lent(self, assignment: Assignment) -> Mapping[str, str]:
        """What the program signs in with. Raises AgentError when there is nothing to lend."""
        return lend(assignment, Path.home())

    def converse(
        self, assignment: Assignment, argv: tuple[str, ...], env: Mapping[str, str], talk: Talk
    ) -> Iterator[AgentEvent]:
        """The events of a run of `argv`; `env` is added to the agent's own."""
        self._desk.lay_out(assignment.inbox)
        return self._events(assignment, argv, {**folders(assignment), **env}, talk)

    def _events(
        self, assignment: Assignment, argv: tuple[str, ...], env: Mapping[str, str], talk: Talk
    ) -> Iterator[AgentEvent]:
        with ExitStack() as stack:
            stack.enter_context(closing(self._desk))
            Path(assignment.run_dir).mkdir(parents=True, exist_ok=True)
            tmp = stack.enter_context(tempfile.TemporaryDirectory(prefix="cowork-", ignore_cleanup_errors=True))
            try:
                child = launch(assignment, argv, Path(tmp), env)
            except OSError as error:
                yield from failed_start(assignment, argv[0], error)
                return
            dialogue = stack.enter_context(closing(Dialogue(assignment, child, self._desk.wakeup)))
            mail = stack.enter_context(closing(Mailbox(assignment)))
            for event in talk(Surroundings(assignment=assignment, dialogue=dialogue, desk=self._desk, mail=mail)):
                yield from _attributed(event, assignment, argv[0], dialogue)


def _attributed(event: AgentEvent, assignment: Assignment, program: str, dialogue: Dialogue) -> Iterator[AgentEvent]:
    """The event; before the end of a conversation whose program could not start, what that lacks."""
    failed = isinstance(event, Ended) and event.reason is EndReason.FAILED
    if failed and (missing := missing_program_reason(assignment, program, dialogue.over or 0, dialogue.stderr())):
        yield ErrorReported(kind=ErrorKind.PROGRAM, message=missing)
    yield event


def without_system_prompt(assignment: Assignment) -> str:
    """The prompt for a program that has a place of its own for the text of the agent's file."""
    return assignment.prompt.removeprefix(assignment.agent.prompt.strip()).lstrip()
