"""The driver's side of the port: starts Codex' app server and lays on its desk what comes in from outside."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from coworkd.agents.base import AgentEvent, Assignment, Ended, EndReason, InboxAnswer
from coworkd.agents.codex.conversation import Conversation, Surroundings
from coworkd.agents.desk import Desk
from coworkd.agents.dialogue import Dialogue
from coworkd.agents.launch import cannot_start, launch
from coworkd.agents.login import lend
from coworkd.agents.mailbox import Mailbox, folders
from coworkd.agents.programs import PROGRAMS
from coworkd.model import AgentSpec

_KEY = "OPENAI_API_KEY"
_ADDRESS = "OPENAI_BASE_URL"
_OPENAI = "https://api.openai.com/v1"


class CodexAgent:
    """One start of a run."""

    def __init__(self) -> None:
        self._desk = Desk()

    def start(self, assignment: Assignment, resume: str | None) -> Iterator[AgentEvent]:
        """See the port."""
        lent = lend(assignment, Path.home())
        self._desk.lay_out(assignment.inbox)
        # The system prompt has a place of its own.
        prompt = assignment.prompt.removeprefix(assignment.agent.prompt.strip()).lstrip()
        argv = arguments(assignment.agent, lent)
        return self._events(replace(assignment, prompt=prompt), argv, {**folders(assignment), **lent}, resume or "")

    def answer(self, request: str, answer: InboxAnswer) -> None:
        self._desk.answer(request, answer)

    def deliver(self, name: str, text: str) -> None:
        self._desk.deliver(name, text)

    def cancel(self) -> None:
        self._desk.stop()

    def kill(self) -> None:
        self._desk.stop(kill=True)

    def _events(
        self, assignment: Assignment, argv: tuple[str, ...], extra: Mapping[str, str], resume: str
    ) -> Iterator[AgentEvent]:
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
            yield from Conversation(around).events(resume)


def arguments(agent: AgentSpec, lent: Mapping[str, str]) -> tuple[str, ...]:
    """The command line. With a key it is given a provider of its own, which tries once again and no more. Pure."""
    own = dict(agent.env)
    line = (*(agent.command or (PROGRAMS["codex"].program,)), "app-server")
    if _KEY not in {*own, *agent.env_pass, *lent}:
        return line
    provider = {
        "name": "OpenAI",
        "base_url": own.get(_ADDRESS, _OPENAI),
        "env_key": _KEY,
        "wire_api": "responses",
        "request_max_retries": 1,
        "stream_max_retries": 1,
    }
    table = ", ".join(f"{key} = {json.dumps(value)}" for key, value in provider.items())
    return (*line, "-c", f"model_providers.cowork={{{table}}}", "-c", 'model_provider="cowork"')
