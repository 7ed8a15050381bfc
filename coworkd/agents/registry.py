"""Which driver names there are, and where each lives. A new driver is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from coworkd.agents.base import Agent
from coworkd.agents.llm.providers import variables
from coworkd.agents.programs import keys
from coworkd.core.errors import AgentError
from coworkd.core.model import AgentSpec

DRIVERS: Mapping[str, str] = {
    "acp": "coworkd.agents.acp.agent:AcpAgent",
    "claude": "coworkd.agents.claude.agent:ClaudeAgent",
    "codex": "coworkd.agents.codex.agent:CodexAgent",
    "command": "coworkd.agents.command:CommandAgent",
    "gemini": "coworkd.agents.acp.agent:GeminiAgent",
    "opencode": "coworkd.agents.acp.agent:OpenCodeAgent",
    "llm": "coworkd.agents.llm.agent:LlmAgent",
    "replay": "coworkd.agents.replay:ReplayAgent",
}
"""Import path of the class by driver name. Imported when such an agent starts: a driver may be slow to load."""


WARM: Mapping[str, str] = {"llm": "coworkd.agents.llm.door"}
"""Drivers that are slow to load, and the module whose `rehearse` loads all they need: their workers are forked."""


def needs(agent: AgentSpec) -> tuple[str, ...]:
    """Variables of the daemon's environment that an agent's driver needs for itself, such as the key of its model."""
    return variables(agent.model) if agent.driver == "llm" else keys(agent)


def create(driver: str) -> Agent:
    """A new agent of a driver. Raises AgentError for a name that does not exist."""
    if driver not in DRIVERS:
        raise AgentError(f"there is no driver {driver!r}; choose one of {', '.join(sorted(DRIVERS))}")
    module, _, name = DRIVERS[driver].partition(":")
    return cast(Agent, getattr(import_module(module), name)())
