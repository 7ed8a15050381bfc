"""The words of the field as values: what a task, an agent, a run, an approval *is*.

Pure: frozen dataclasses and enums, no I/O, no clock, no third-party import. Everything above speaks in these terms, so
a status is never a bare string and a payload never a bare dict.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of document in a workspace; the folder of each is in `documents`."""

    TASK = "task"
    PLAN = "plan"
    MESSAGE = "message"
    APPROVAL = "approval"
    REVIEW = "review"
    AGENT = "agent"
    CONFIG = "config"


class Status(StrEnum):
    """Where a task stands. Blocked is not a status: it is derived from the graph."""

    DRAFT = "draft"
    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    REVIEW = "review"
    MERGING = "merging"
    DONE = "done"
    FAILED = "failed"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Answer(StrEnum):
    """What a person may write under `approval`; `pending` is the daemon's word."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    CHANGES = "changes"


class OnError(StrEnum):
    """What follows when every attempt has failed, or (skip, abort) when the first has."""

    RETRY = "retry"
    SKIP = "skip"
    ABORT = "abort"


class Mode(StrEnum):
    """Whether a task may change files."""

    BUILD = "build"
    PLAN = "plan"


class PlanLevel(StrEnum):
    """Initiative > phase > plan: a plan names its parent, tasks name their plan."""

    INITIATIVE = "initiative"
    PHASE = "phase"
    PLAN = "plan"


class Gate(StrEnum):
    """The points at which a person may be asked."""

    PLAN = "plan"
    TOOLS = "tools"
    MERGE = "merge"


class Scope(StrEnum):
    """How far a granted permission reaches."""

    ONCE = "once"
    TASK = "task"
    ALWAYS = "always"


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


class RiskLevel(StrEnum):
    """How dangerous a change or a tool call is; `risk` says what of it is what."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class MessageKind(StrEnum):
    REPLY = "reply"
    QUESTION = "question"
    PROGRESS = "progress"
    RESULT = "result"


class MessageState(StrEnum):
    STREAMING = "streaming"
    DONE = "done"
    ERROR = "error"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """Run the agent again and again until it says `promise` and the proof agrees."""

    promise: str
    max_iterations: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Upper bounds; None means none."""

    usd: float | None = None
    tokens: int | None = None
    minutes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One `- [ ] text (verify: COMMAND)` item of a task's body; `command` is empty for a claim without proof."""

    line: int
    """0-based line within the body."""
    text: str
    command: str
    ticked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """What a person asks for in a task file: every key that is theirs, and the body."""

    title: str = ""
    status: Status | None = None
    """None when the file says none: the task is ready after `quiet` if it has a body."""
    status_notice: str = ""
    """A remark on an alias that was read as something else (`In Progress` is a draft)."""
    agent: str = ""
    depends_on: tuple[str, ...] = ()
    priority: float = 2.0
    """0 is the most urgent; 2 is medium."""
    mode: Mode = Mode.BUILD
    plan: str = ""
    labels: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    approve: frozenset[Gate] | None = None
    """None: the workspace's setting counts."""
    on_error: OnError = OnError.RETRY
    max_attempts: int | None = None
    """None: the workspace's setting counts."""
    timeout: float | None = None
    """Seconds; None: the agent's limit counts."""
    loop: Loop | None = None
    budget: Budget = Budget()
    pattern: str = "solo"
    body: str = ""
    criteria: tuple[Criterion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSpec:
    """A message file as its author wrote it."""

    sender: str = ""
    """Empty: the user."""
    kind: MessageKind = MessageKind.REPLY
    draft: bool = False
    resend: bool = False
    reply_to: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSpec:
    """What an approval or review file says: the person's decision and the request it was made about."""

    answer: Answer | None
    """None: what stands there is not one of the four words; it holds and never counts as yes."""
    written: str = ""
    """The word as it stands in the file, for the problem that quotes it."""
    comment: str = ""
    scope: Scope = Scope.ONCE
    grant: str = ""
    status: str = ""
    """Reviews only: `open`, `landed`, `reverted`, or the person's `revert` / `apply`."""
    request: str = ""
    """`cowork.request` in the same bytes."""
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSpec:
    """A plan file."""

    title: str = ""
    level: PlanLevel = PlanLevel.PLAN
    parent: str = ""
    """Id of the plan above; empty: none."""
    answer: AnswerSpec | None = None
    """None: no approval of this plan is requested."""
    body: str = ""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    branch: str = "cowork/integration"
    target: str = ""
    """Empty: the branch that was checked out when the workspace was made."""
    land: str = "ask"
    """`ask` or `auto`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`.cowork/config.yaml`: the workspace's settings, every one optional."""

    agent: str = ""
    concurrency: int = 4
    quiet: float = 10.0
    integration: Integration = Integration()
    setup: tuple[str, ...] = ()
    copy: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    verify_timeout: float = 30 * 60.0
    approve: frozenset[Gate] = frozenset({Gate.MERGE})
    backoff: float = 2.0
    max_attempts: int = 3
    sandbox: SandboxSpec = SandboxSpec()
    """Its network is that of set-up commands, its paths those of set-up and verification."""
    budget_usd_per_day: float | None = None
    adopt_notes: bool = False
    run_pulled: bool = False
    commit: str = "off"
    keep_days: float = 14.0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a turn cost. None is unknown, never zero."""

    input_tokens: int = 0
    """Including cached input."""
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None

    def plus(self, other: Usage) -> Usage:
        """Both together; an unknown cost beside a known one leaves the known one standing."""
        known = [u.cost_usd for u in (self, other) if u.cost_usd is not None]
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=sum(known) if known else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something a person should fix, with the place and what to write instead."""

    path: str
    """Relative to `.cowork/`."""
    line: int
    """1-based; 0: the file as a whole."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One verification command as it went."""

    command: str
    exit: int
    """Negative: ended by that signal."""
    seconds: float
    tail: str = field(default="", compare=False)
    timed_out: bool = False
    setup: bool = False
    """It made the folder ready for the verification, and verified nothing itself."""
    from_tip: str = ""
    """The files that were put back to the tip's version for it; empty: it ran on the change as it would land."""
    reached: str = ""
    """What leads it into a checkout of the user, so that it says nothing about the commit; empty: nothing."""
    hidden: bool = False
    """It did not get to see what it was led to: that is why it is red."""

    @property
    def green(self) -> bool:
        return self.exit == 0 and not self.timed_out
