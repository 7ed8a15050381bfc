"""The driver's side of the port: starts Claude Code and lays on its desk what comes in from outside."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from coworkd.agents.base import AgentEvent, Assignment, Ended, EndReason, InboxAnswer
from coworkd.agents.claude.calls import OUT_OF_PLACE
from coworkd.agents.claude.conversation import Conversation, Surroundings
from coworkd.agents.desk import Desk
from coworkd.agents.dialogue import Dialogue
from coworkd.agents.launch import cannot_start, launch
from coworkd.agents.login import lend
from coworkd.agents.mailbox import Mailbox, folders
from coworkd.agents.programs import PROGRAMS, model
from coworkd.model import Mode

_TWO_WAY = (
    "-p", "--output-format", "stream-json", "--input-format", "stream-json", "--verbose",
    "--include-partial-messages", "--replay-user-messages", "--permission-prompt-tool", "stdio",
)  # fmt: skip
_QUIET = {
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_MAX_RETRIES": "1",
}
"""It updates nothing, reports to nobody, and leaves trying again to us."""


class ClaudeAgent:
    """One start of a run."""

    def __init__(self) -> None:
        self._desk = Desk()

    def start(self, assignment: Assignment, resume: str | None) -> Iterator[AgentEvent]:
        """See the port."""
        extra = {**_QUIET, **folders(assignment), **lend(assignment, Path.home())}
        self._desk.lay_out(assignment.inbox)
        # The system prompt has a place of its own.
        prompt = assignment.prompt.removeprefix(assignment.agent.prompt.strip()).lstrip()
        assignment = replace(assignment, prompt=(resume and assignment.follow_up) or prompt)
        return self._events(assignment, arguments(assignment, resume or ""), extra)

    def answer(self, request: str, answer: InboxAnswer) -> None:
        self._desk.answer(request, answer)

    def deliver(self, name: str, text: str) -> None:
        self._desk.deliver(name, text)

    def cancel(self) -> None:
        self._desk.stop()

    def kill(self) -> None:
        self._desk.stop(kill=True)

    def _events(self, assignment: Assignment, argv: tuple[str, ...], extra: dict[str, str]) -> Iterator[AgentEvent]:
        with ExitStack() as stack:
            stack.enter_context(closing(self._desk))
            Path(assignment.run_dir).mkdir(parents=True, exist_ok=True)
            tmp = stack.enter_context(tempfile.TemporaryDirectory(prefix="cowork-", ignore_cleanup_errors=True))
            try:
                child = launch(assignment, argv, Path(tmp), extra)
            except OSError as error:
                yield Ended(reason=EndReason.FAILED, message=cannot_start(assignment, argv[0], error))
                return
            dialogue = stack.enter_context(closing(Dialogue(assignment, child, self._desk.wakeup)))
            mail = stack.enter_context(closing(Mailbox(assignment)))
            around = Surroundings(assignment=assignment, dialogue=dialogue, desk=self._desk, mail=mail)
            yield from Conversation(around).events()


def arguments(assignment: Assignment, resume: str) -> tuple[str, ...]:
    """The command line. Pure."""
    agent = assignment.agent
    mode = "plan" if assignment.mode is Mode.PLAN else "acceptEdits"
    options = ["--permission-mode", mode, "--disallowedTools", ",".join(OUT_OF_PLACE)]
    if wanted := model(agent):
        options += ["--model", wanted]
    if resume:
        options += ["--resume", resume]
    if agent.prompt.strip():
        options += ["--append-system-prompt", agent.prompt.strip()]
    if assignment.budget.usd is not None:
        options += ["--max-budget-usd", f"{assignment.budget.usd:.6f}"]
    return (*(agent.command or (PROGRAMS["claude"].program,)), *_TWO_WAY, *options)
