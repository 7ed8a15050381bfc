"""The programs behind drivers of their own: how each is called, and what it signs in with. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coworkd.core.model import AgentSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentProgram:
    """One program that people install."""

    driver: str
    program: str
    """Its name on the search path."""
    install: str
    """How people get it, in words."""
    version: tuple[str, ...] = ("--version",)
    """The arguments by which it prints its version and ends."""
    logins: tuple[str, ...] = ()
    """Files of its own login, relative to its user's home: it is signed in when the first is there."""
    keys: tuple[str, ...] = ()
    """Variables that hold a key for it, the usual one first."""
    hosts: tuple[str, ...] = ()
    """Whom it has to reach: its provider, and where its login is renewed."""
    settings: str = ""
    """The variable by which it is told of another folder for its settings and login; empty: it knows none."""
    makes_settings: bool = True
    """It makes that folder where it is missing."""
    models: str = ""
    """The prefix by which models are named elsewhere, and that it does not know."""


PROGRAMS: Mapping[str, AgentProgram] = {
    program.driver: program
    for program in (
        AgentProgram(
            driver="claude",
            program="claude",
            install="npm install -g @anthropic-ai/claude-code",
            logins=(".claude/.credentials.json",),
            keys=("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_AUTH_TOKEN"),
            hosts=("api.anthropic.com", "claude.ai", "platform.claude.com", "console.anthropic.com"),
            settings="CLAUDE_CONFIG_DIR",
            models="anthropic/",
        ),
        AgentProgram(
            driver="codex",
            program="codex",
            install="npm install -g @openai/codex",
            logins=(".codex/auth.json",),
            keys=("OPENAI_API_KEY", "CODEX_API_KEY"),
            hosts=("api.openai.com", "chatgpt.com", "auth.openai.com"),
            settings="CODEX_HOME",
            makes_settings=False,
            models="openai/",
        ),
        AgentProgram(
            driver="gemini",
            program="gemini",
            install="npm install -g @google/gemini-cli",
            logins=(".gemini/oauth_creds.json", ".gemini/google_accounts.json"),
            keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            hosts=("generativelanguage.googleapis.com", "cloudcode-pa.googleapis.com", "oauth2.googleapis.com"),
            models="gemini/",
        ),
        AgentProgram(
            driver="opencode",
            program="opencode",
            install="npm install -g opencode-ai",
            logins=(".local/share/opencode/auth.json",),
            keys=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY"),
            hosts=(
                *("models.dev", "opencode.ai", "api.anthropic.com", "api.openai.com", "openrouter.ai"),
                "generativelanguage.googleapis.com",
            ),
            settings="OPENCODE_CONFIG_DIR",
        ),
    )
}
"""By driver."""


def keys(agent: AgentSpec) -> tuple[str, ...]:
    """Variables of the daemon's environment that `login: key` hands to an agent's program."""
    program = PROGRAMS.get(agent.driver)
    return program.keys if program and agent.login == "key" else ()


def model(agent: AgentSpec) -> str:
    """The model in the words of the agent's program; empty: its own choice."""
    program = PROGRAMS.get(agent.driver)
    return agent.model.removeprefix(program.models) if program else agent.model
