"""An agent as its file describes it, and what restricts it. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SandboxMode(StrEnum):
    """What the user asks of the sandbox; what a run got is its `SandboxLevel`."""

    AUTO = "auto"
    REQUIRE = "require"
    OFF = "off"


class SandboxLevel(StrEnum):
    """How a run was confined. Unknown counts as none."""

    NONE = "none"
    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSpec:
    mode: SandboxMode = SandboxMode.AUTO
    network: tuple[str, ...] = ()
    allow_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRules:
    """Patterns by what happens to a call: allowed, asked about, denied."""

    allow: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLimits:
    """Bounds of one agent."""

    concurrency: int | None = None
    timeout: float = 45 * 60.0
    """Seconds of work; the clock stands still while the run waits for a person."""
    stall: float = 10 * 60.0
    """Seconds without output."""
    output: int = 10_000_000
    """Bytes of output kept; more is drained and the cut is marked."""
    hold: float = 30 * 60.0
    """Seconds that a program with sessions is kept waiting for a person; then it goes on in its session later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """How to start an agent: one `agents/NAME.md`."""

    name: str
    driver: str = "command"
    model: str = ""
    command: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()
    limits: AgentLimits = AgentLimits()
    sandbox: SandboxSpec = SandboxSpec()
    tools: ToolRules = ToolRules()
    login: str = ""
    billing: str = "api"
    env: tuple[tuple[str, str], ...] = ()
    env_pass: tuple[str, ...] = ()
    recording: str = ""
    """For the driver `replay`: the folder of `TASK.jsonl` recordings, relative to `.cowork/`."""
    prompt: str = ""
    """The body: the system prompt."""
