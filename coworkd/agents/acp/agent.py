"""The driver's side of the port: starts the agent and lays on its desk what comes in from outside."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

from coworkd.agents.acp.conversation import Conversation, Surroundings
from coworkd.agents.base import AgentEvent, Assignment, Ended, EndReason, InboxAnswer
from coworkd.agents.desk import Desk
from coworkd.agents.dialogue import Dialogue
from coworkd.agents.launch import cannot_start, launch
from coworkd.agents.login import lend
from coworkd.agents.mailbox import Mailbox, folders
from coworkd.errors import AgentError


class AcpAgent:
    """One run."""

    COMMAND: tuple[str, ...] = ()
    """What is started where the agent's file names no command."""

    def __init__(self) -> None:
        self._desk = Desk()

    def start(self, assignment: Assignment, resume: str | None) -> Iterator[AgentEvent]:
        """See the port."""
        command = assignment.agent.command or self.COMMAND
        if not command:
            raise AgentError(f"agent {assignment.agent.name!r} has no `command`: say which ACP agent to start")
        self._desk.lay_out(assignment.inbox)
        extra = {**folders(assignment), **lend(assignment, Path.home())}
        return self._events(assignment, command, extra, resume or "")

    def answer(self, request: str, answer: InboxAnswer) -> None:
        self._desk.answer(request, answer)

    def deliver(self, name: str, text: str) -> None:
        self._desk.deliver(name, text)

    def cancel(self) -> None:
        self._desk.stop()

    def kill(self) -> None:
        self._desk.stop(kill=True)

    def _events(
        self, assignment: Assignment, command: tuple[str, ...], extra: dict[str, str], resume: str
    ) -> Iterator[AgentEvent]:
        with ExitStack() as stack:
            stack.enter_context(closing(self._desk))
            Path(assignment.run_dir).mkdir(parents=True, exist_ok=True)
            tmp = stack.enter_context(tempfile.TemporaryDirectory(prefix="cowork-", ignore_cleanup_errors=True))
            try:
                child = launch(assignment, command, Path(tmp), extra)
            except OSError as error:
                yield Ended(reason=EndReason.FAILED, message=cannot_start(assignment, command[0], error))
                return
            dialogue = stack.enter_context(closing(Dialogue(assignment, child, self._desk.wakeup)))
            mail = stack.enter_context(closing(Mailbox(assignment)))
            around = Surroundings(assignment=assignment, dialogue=dialogue, desk=self._desk, mail=mail)
            yield from Conversation(around).events(resume)


class GeminiAgent(AcpAgent):
    """Gemini CLI by its own protocol mode."""

    COMMAND = ("gemini", "--acp")


class OpenCodeAgent(AcpAgent):
    """OpenCode by its own protocol mode."""

    COMMAND = ("opencode", "acp")
