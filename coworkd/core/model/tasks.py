"""A task as its author writes it. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.model.approvals import ApprovalPoint
from coworkd.core.model.patterns import SOLO, PatternRequest
from coworkd.core.plan_order import Order


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


class OnError(StrEnum):
    """What follows when every attempt has failed, or (skip, abort) when the first has."""

    RETRY = "retry"
    SKIP = "skip"
    ABORT = "abort"


class Mode(StrEnum):
    """What a task ends in: a change, a plan or a message."""

    BUILD = "build"
    PLAN = "plan"
    ANSWER = "answer"
    """It only reads, and ends in a message."""

    @property
    def reads_only(self) -> bool:
        """Whether its agent may change nothing, and nothing of its work is submitted."""
        return self is not Mode.BUILD


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """Run the agent again and again until it says `promise` and the proof agrees."""

    promise: str
    max_iterations: int = 20
    give_up: str = ""
    """Words by which the agent says that it cannot be done: the loop ends. Empty: there are none."""
    delay: float = 0.0
    """Seconds between the end of a round and the next one."""

    def is_given_up(self, reply: str) -> bool:
        """Whether the agent says in its reply that it cannot be done."""
        return bool(self.give_up) and self.give_up in reply

    def is_promised(self, reply: str) -> bool:
        """Whether the agent says in its reply that it is done; not where it also gives up."""
        return self.promise in reply and not self.is_given_up(reply)


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
    order: Order = ()
    """Its place among the children of its plan; empty: none."""
    size: float = 1.0
    """How much it counts in the progress of its plan."""
    labels: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    batch: bool = True
    """False: it is verified alone, and lands alone."""
    stack: bool = False
    """True: it may start from submissions of its dependencies that have not landed, and lands behind them."""
    approve: frozenset[ApprovalPoint] | None = None
    """None: the workspace's setting counts."""
    on_error: OnError = OnError.RETRY
    max_attempts: int | None = None
    """None: the workspace's setting counts."""
    timeout: float | None = None
    """Seconds; None: the agent's limit counts."""
    loop: Loop | None = None
    budget: Budget = Budget()
    pattern: PatternRequest = SOLO
    body: str = ""
    criteria: tuple[Criterion, ...] = ()
