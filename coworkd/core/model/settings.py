"""The settings of a workspace, and those of its user. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from coworkd.core.model.agents import SandboxLevel, SandboxMode, SandboxSpec
from coworkd.core.model.approvals import ApprovalPoint
from coworkd.core.model.patterns import PatternRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    branch: str = "cowork/integration"
    target: str = ""
    """Empty: the branch that was checked out when the workspace was made."""
    land: str = "ask"
    """`ask` or `auto`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceLimits:
    """Bounds beside `concurrency`."""

    providers: tuple[tuple[str, int], ...] = ()
    """Runs at once by provider of the agent's model, in lower case."""
    disk: int | None = None
    """Bytes that slots, gates, caches and logs take at most; None: as many as there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NightSettings:
    """`night:`: from when to when no person is there, and what starts in that time at most. None: no bound."""

    begin: int
    """The minute of the day, by the clocks of the place; the end is another one, on the next day where it is less."""
    end: int
    usd: float | None = None
    tokens: int | None = None
    max_tasks: int | None = None
    """Tasks of which a run begins."""


class CacheTool(StrEnum):
    """A package manager whose cache slots and verifications get copies of."""

    NPM = "npm"
    PIP = "pip"
    CARGO = "cargo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`.cowork/config.yaml`: the workspace's settings, every one optional."""

    agent: str = ""
    concurrency: int = 4
    limits: WorkspaceLimits = WorkspaceLimits()
    quiet: float = 10.0
    integration: Integration = Integration()
    setup: tuple[str, ...] = ()
    copy: tuple[str, ...] = ()
    caches: frozenset[CacheTool] = frozenset()
    verify: tuple[str, ...] = ()
    verify_timeout: float = 30 * 60.0
    parallel_verifications: int | None = None
    """None: by the cores of the machine."""
    approve: frozenset[ApprovalPoint] = frozenset({ApprovalPoint.MERGE})
    backoff: float = 2.0
    max_attempts: int = 3
    sandbox: SandboxSpec = field(default_factory=SandboxSpec)
    """Its network is that of set-up commands, its paths those of set-up and verification."""
    budget_usd_per_day: float | None = None
    adopt_notes: bool = False
    run_pulled: bool = False
    commit: str = "off"
    keep_days: float = 14.0
    night: NightSettings | None = None
    patterns: tuple[PatternRequest, ...] = ()
    """What tasks leave open that ask for a pattern, one for each pattern at most."""


class ApproveBy(StrEnum):
    """Where a person's approvals count."""

    FILE = "file"
    """In the file, or by command."""
    COMMAND = "command"
    """By `coworkd approve` alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSandbox:
    """The user's own word about the sandbox: the least that counts, and which one is used; None: not said."""

    mode: SandboxMode | None = None
    use: SandboxLevel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSettings:
    """`$XDG_CONFIG_HOME/coworkd/config.yaml`: the user's own settings, which no workspace goes beyond.

    None: the user sets no bound.
    """

    notify: tuple[str, ...] = ()
    """Shell commands that are told of everything that begins to wait for a person."""
    sandbox: UserSandbox = UserSandbox()
    allowed_signers: str = ""
    """A file as ssh-keygen reads it; an absolute path, empty: none."""
    budget_usd_per_day: float | None = None
    concurrency: int | None = None
    approve_by: ApproveBy = ApproveBy.FILE
