"""The programs behind drivers of their own: how each is called, and what it signs in with. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coworkd.core.model import AgentSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentProgram:
    """One program that people install."""

    driver: str
    executable: str
    """Its name on the search path."""
    install: str
    """How people install it."""
    version_arguments: tuple[str, ...] = ("--version",)
    """The arguments by which it prints its version and ends."""
    login_files: tuple[str, ...] = ()
    """Files of its own login, relative to its user's home: it is signed in when the first is there."""
    key_variables: tuple[str, ...] = ()
    """Variables that hold a key for it, the usual one first."""
    hosts: tuple[str, ...] = ()
    """Hosts that it has to reach: its provider, and where its login is renewed."""
    settings_variable: str = ""
    """The variable that names another folder for its settings and login; empty: it has none."""
    creates_settings_folder: bool = True
    """It makes that folder where it is missing."""
    model_prefix: str = ""
    """The prefix by which models are named elsewhere, and that it does not know."""


PROGRAMS: Mapping[str, AgentProgram] = {
    program.driver: program
    for program in (
        AgentProgram(
            driver="claude",
            executable="claude",
            install="npm install -g @anthropic-ai/claude-code",
            login_files=(".claude/.credentials.json",),
            key_variables=("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_AUTH_TOKEN"),
            hosts=("api.anthropic.com", "claude.ai", "platform.claude.com", "console.anthropic.com"),
            settings_variable="CLAUDE_CONFIG_DIR",
            model_prefix="anthropic/",
        ),
        AgentProgram(
            driver="codex",
            executable="codex",
            install="npm install -g @openai/codex",
            login_files=(".codex/auth.json",),
            key_variables=("OPENAI_API_KEY", "CODEX_API_KEY"),
            hosts=("api.openai.com", "chatgpt.com", "auth.openai.com"),
            settings_variable="CODEX_HOME",
            creates_settings_folder=False,
            model_prefix="openai/",
        ),
        AgentProgram(
            driver="gemini",
            executable="gemini",
            install="npm install -g @google/gemini-cli",
            login_files=(".gemini/oauth_creds.json", ".gemini/google_accounts.json"),
            key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            hosts=("generativelanguage.googleapis.com", "cloudcode-pa.googleapis.com", "oauth2.googleapis.com"),
            model_prefix="gemini/",
        ),
        AgentProgram(
            driver="opencode",
            executable="opencode",
            install="npm install -g opencode-ai",
            login_files=(".local/share/opencode/auth.json",),
            key_variables=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY"),
            hosts=(
                *("models.dev", "opencode.ai", "api.anthropic.com", "api.openai.com", "openrouter.ai"),
                "generativelanguage.googleapis.com",
            ),
            settings_variable="OPENCODE_CONFIG_DIR",
        ),
    )
}
"""By driver."""


def key_variables(agent: AgentSpec) -> tuple[str, ...]:
    """Variables of the daemon's environment that `login: key` hands to an agent's program."""
    program = PROGRAMS.get(agent.driver)
    return program.key_variables if program and agent.login == "key" else ()


def program_model(agent: AgentSpec) -> str:
    """The model by the name that the agent's program knows; empty: its own choice."""
    program = PROGRAMS.get(agent.driver)
    return agent.model.removeprefix(program.model_prefix) if program else agent.model
