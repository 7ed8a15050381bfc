"""The driver's side of the port: how Codex' app server is started."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from coworkd.agents.drivers.codex.conversation import CodexConversation
from coworkd.agents.known_programs import PROGRAMS
from coworkd.agents.port import AgentEvent, Assignment
from coworkd.agents.protocols.protocol_agent import ProtocolAgent, without_system_prompt
from coworkd.core.model import AgentSpec

_KEY = "OPENAI_API_KEY"
_ADDRESS = "OPENAI_BASE_URL"
_OPENAI = "https://api.openai.com/v1"


class CodexAgent(ProtocolAgent):
    """One start of a run."""

    def start(self, assignment: Assignment, resume: str | None) -> Iterator[AgentEvent]:
        """See the port."""
        lent = self.credentials(assignment)
        adapted = replace(assignment, prompt=without_system_prompt(assignment))
        argv = arguments(assignment.agent, lent)
        return self.run_program(adapted, argv, lent, lambda context: CodexConversation(context, resume or "").events())


def arguments(agent: AgentSpec, lent: Mapping[str, str]) -> tuple[str, ...]:
    """The command line. With a key it is given a provider of its own, which tries once again and no more. Pure."""
    own = dict(agent.env)
    line = (*(agent.command or (PROGRAMS["codex"].executable,)), "app-server")
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
