"""Which driver names there are, and where each lives. A new driver is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from coworkd.agents.drivers.llm.providers import model_variables
from coworkd.agents.known_programs import key_variables
from coworkd.agents.port import Agent
from coworkd.core.errors import AgentError
from coworkd.core.model import AgentSpec

DRIVERS: Mapping[str, str] = {
    "acp": "coworkd.agents.drivers.acp.driver:AcpAgent",
    "claude": "coworkd.agents.drivers.claude.driver:ClaudeAgent",
    "codex": "coworkd.agents.drivers.codex.driver:CodexAgent",
    "command": "coworkd.agents.drivers.command:CommandAgent",
    "gemini": "coworkd.agents.drivers.acp.driver:GeminiAgent",
    "opencode": "coworkd.agents.drivers.acp.driver:OpenCodeAgent",
    "llm": "coworkd.agents.drivers.llm.driver:LlmAgent",
    "replay": "coworkd.agents.drivers.replay.driver:ReplayAgent",
}
"""Import path of the class by driver name. Imported when such an agent starts: a driver may be slow to load."""


def preloaded_modules(driver: str) -> tuple[str, ...]:
    """What the workers of a driver need, in the order in which it is loaded; the same for drivers that share a server.

    litellm is so large that its workers have a server of their own.
    """
    small = sorted({path.partition(":")[0] for name, path in DRIVERS.items() if name != "llm"})
    return (*small, "coworkd.agents.drivers.llm.litellm_client") if driver == "llm" else tuple(small)


def required_variables(agent: AgentSpec) -> tuple[str, ...]:
    """Variables of the daemon's environment that an agent's driver needs for itself, such as the key of its model."""
    return model_variables(agent.model) if agent.driver == "llm" else key_variables(agent)


def create_agent(driver: str) -> Agent:
    """A new agent of a driver. Raises AgentError for a name that does not exist."""
    if driver not in DRIVERS:
        raise AgentError(f"there is no driver {driver!r}; choose one of {', '.join(sorted(DRIVERS))}")
    module, _, name = DRIVERS[driver].partition(":")
    return cast(Agent, getattr(import_module(module), name)())
