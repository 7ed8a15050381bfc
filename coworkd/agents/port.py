"""The port to agents: an assignment goes in, events come out, and exactly one of them, the last, is `Ended`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from coworkd.core.model import AgentSpec, Budget, Mode, Usage
from coworkd.system.sandbox.policy import Confinement

NO_BUDGET = Budget()
UNAVAILABLE_EXIT = 75
"""The exit code (EX_TEMPFAIL) of a program that cannot work now: no attempt is used."""
MACHINE_EXIT = 74
"""The exit code (EX_IOERR) of a worker that this machine did not let record what happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxFile:
    """An answer or a message that lies in the inbox from the start."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Everything that one run needs to know. Paths are absolute."""

    run: str
    task: str
    attempt: int
    epoch: int
    """Counts the starts of this run; a run is submitted once per epoch."""
    agent: AgentSpec
    prompt: str
    worktree: str
    run_dir: str
    """Where the run keeps its events, logs, outbox and inbox; the same for every epoch."""
    home: str
    """The agent's own home, kept between runs."""
    timeout: float
    """Seconds of work; the clock stands still while a request is open."""
    stall: float
    """Seconds without output; as above."""
    output_limit: int
    """Bytes of reply that are kept."""
    repo_id: str
    inbox: tuple[InboxFile, ...] = ()
    resume: str = ""
    """The session of an earlier start to go on with; empty: a new one."""
    follow_up: str = ""
    """The prompt of a session that is really resumed, instead of `prompt`: only what is new. Empty: there is none."""
    conflict: str = ""
    """The bundle of a conflict to be resolved; empty: none."""
    step: str = ""
    """The key of the step of a pattern that it is; empty: it works on its task alone."""
    role: str = ""
    """What it is to do in that step."""
    recording: str = ""
    """The folder of recordings, for the driver `replay`."""
    mode: Mode = Mode.BUILD
    """PLAN: nothing may be changed or run, whatever the agent asks for."""
    ask_tools: bool = False
    """The task's `approve` has `tools`: every call that the agent's `allow` does not cover is asked about."""
    granted: tuple[str, ...] = ()
    """Patterns of tool calls that people have allowed for this task, or for good."""
    budget: Budget = NO_BUDGET
    """What is left of the task's and the day's budgets when this start begins."""
    variables: tuple[tuple[str, str], ...] = ()
    """By which what the run starts finds its ports and its copies of package caches."""
    confinement: Confinement | None = None
    """What holds everything that the run starts (see `launch`); None: nothing."""

    @property
    def outbox_dir(self) -> Path:
        return Path(self.run_dir, "outbox")

    @property
    def inbox_dir(self) -> Path:
        return Path(self.run_dir, "inbox")


class AskKind(StrEnum):
    QUESTION = "question"
    PERMISSION = "permission"


class AnswerDecision(StrEnum):
    """The decision that answers a request; questions are answered by `reply`."""

    APPROVED = "approved"
    REJECTED = "rejected"
    CHANGES = "changes"
    REPLY = "reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxAnswer:
    decision: AnswerDecision
    comment: str = ""
    body: str = ""


class EndReason(StrEnum):
    """Why a run ended. Only DONE is success, and what it left in the worktree is still to be looked at."""

    DONE = "done"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    STALLED = "stalled"
    CRASHED = "crashed"
    BUDGET = "budget"
    """What is left of the budget does not cover the next call, so that call was not made."""
    MACHINE = "machine"
    """This machine did not let it go on, a full disk for instance: no failure of the agent."""


class ErrorKind(StrEnum):
    """What went wrong at the provider, from its structured fields, never from prose."""

    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    QUOTA = "quota"
    AUTH = "auth"
    PROGRAM = "program"
    """The agent's program, or what that needs to start, is not there or cannot be executed."""
    AGENT_FILE = "agent_file"
    """The agent's file has an invalid setting, or names something that does not exist."""
    CONTEXT = "context"
    NETWORK = "network"
    UNAVAILABLE = "unavailable"
    OTHER = "other"


FALLBACK_ERRORS = frozenset({ErrorKind.RATE_LIMIT, ErrorKind.OVERLOADED, ErrorKind.QUOTA, ErrorKind.UNAVAILABLE})
"""Errors after which another agent may do better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted:
    """The agent's own id of its session: with it a later run resumes where this one stopped."""

    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextWritten:
    """A piece of the reply, to be joined to the pieces before."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted:
    call: str
    """Unique within the run."""
    tool: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnded:
    call: str
    ok: bool
    output: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request waits for a person. Asking again under the same name replaces the earlier request."""

    request: str
    kind: AskKind
    text: str
    tool: str = ""
    arguments: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """Another message for the thread, under its own name."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReported:
    """What was used since the last report of this run."""

    usage: Usage
    estimated: bool = False
    """The cost is from a price table, not from the agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextUsed:
    """How full the model's context is: tokens in it, tokens it holds."""

    used: int
    window: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    kind: ErrorKind
    delay: float
    """Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReported:
    kind: ErrorKind
    message: str
    retry_after: float | None = None
    """Seconds, as the provider said; None: it said nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionsRefused:
    """The sandbox refused these, each as it would be written in `network`; reported before the end."""

    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    reason: EndReason
    message: str = ""
    exit_code: int | None = None
    """Of the agent's program, where there is one; negative: ended by that signal."""
    undelivered_requests: tuple[str, ...] = ()
    """Requests whose answers the agent cannot have seen: it exited before they came."""
    fault: str = ""
    """Why no file could be written at some time while it worked; empty: nothing was seen of that."""


AgentEvent = (
    SessionStarted
    | TextWritten
    | ToolStarted
    | ToolEnded
    | Asked
    | Posted
    | UsageReported
    | ContextUsed
    | Retrying
    | ErrorReported
    | ConnectionsRefused
    | Ended
)


class Agent(Protocol):
    """One run of one agent. `start` is called once; every other method may be called from another thread after it."""

    def start(self, assignment: Assignment, resume: str | None) -> Iterator[AgentEvent]:
        """Prepare the run and return its events; the work happens while they are iterated.

        `resume` is the session of an earlier run. Exactly one `Ended` comes, as the last event, after everything that
        was started is gone. Raises AgentError when the assignment is invalid.
        """
        ...

    def answer(self, request: str, answer: InboxAnswer) -> None:
        """Hand over the answer to `request`. The same answer twice is the same as once."""
        ...

    def deliver(self, name: str, text: str) -> None:
        """Hand over a message of the thread under its own name."""
        ...

    def cancel(self) -> None:
        """Ask the agent to end; what does not within a grace period is killed."""
        ...

    def kill(self) -> None:
        """End everything that the agent started, now."""
        ...
