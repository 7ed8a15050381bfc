"""What is known of a run, beside where it stands: whose it is, what it used, who asked for its end. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from coworkd.core.model import Mode, Usage
from coworkd.core.run_states import RunState


class StopRequest(StrEnum):
    """Why a run was told to stop."""

    NONE = ""
    LOST = "lost"
    """Its daemon was killed: it is started again, the same run, unless it had ended by itself."""
    SHUTDOWN = "shutdown"
    """The daemon ends: the task begins again with the next one, and no attempt is used."""
    BUDGET = "budget used up"
    USER = "user"
    """A person wrote another status: where the task stands is settled."""


class RunReason(StrEnum):
    """How the agent's latest start ended, or what became of what it made."""

    NONE = ""
    """It has not ended."""
    DONE = "done"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    STALLED = "stalled"
    CRASHED = "crashed"
    BUDGET = "budget"
    MACHINE = "machine"
    SETUP = "setup"
    """Its slot could not be made ready."""
    VERIFICATION_FAILED = "red"
    REJECTED = "rejected"
    """A person rejected its change or its plan."""


INTERRUPTED_REASONS = frozenset(
    {RunReason.CANCELLED, RunReason.UNAVAILABLE, RunReason.BUDGET, RunReason.SETUP, RunReason.MACHINE}
)
"""A run that ended so did not come to its end."""

RESUMABLE_REASONS = frozenset(
    {RunReason.DONE, RunReason.CANCELLED, RunReason.VERIFICATION_FAILED, RunReason.UNAVAILABLE, RunReason.BUDGET}
)
"""A run that ended so has a session that is worth resuming; after any other end the agent begins from nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAttempt:
    """Which run it is, by whom, and on what terms: decided when it is created, and the same from then on.

    Only `reserved_usd` grows, where it is used up and there is more.
    """

    id: str
    task: str
    attempt: int
    step: str = ""
    """The key of the step of its task's `pattern:` that it is; empty: it works on the task alone."""
    role: str = "author"
    """What it is to do in that step."""
    agent: str
    model: str = ""
    provider: str = ""
    fallback: str = ""
    """The agent that the task asks for, where this one stands in."""
    billing: str = "api"
    reserved_usd: float | None = None
    """What it may cost at most; None: nothing bounds that."""
    mode: Mode = Mode.BUILD
    """What its task's `mode` was when it began."""
    iteration: int = 0
    """Which round of a `loop:` it is; 0: of none."""
    promise: str = ""
    """What ends that loop, as its task said when the attempt began; empty: it is of none."""
    max_rounds: int = 0
    """How many rounds that loop may have."""
    give_up: str = ""
    """The words by which its agent ends that loop undone; empty: there are none."""
    round_delay: float = 0.0
    """Seconds between its end and the next round of that loop."""
    continues: int = 0
    """The number of the reviewed submission that it goes on with; 0: of none."""
    conflict: str = ""
    """The conflict bundle that it is to resolve; empty: it works on its task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSlot:
    """Where a run works, and on what."""

    number: int = 0
    base: str = ""
    """The commit that it began with; empty: its slot has not been ready yet."""
    missing_commits: str = ""
    """The target's commits that it started without, a line each; empty: it had all."""
    stacked_on: str = ""
    """The submissions that it started from although they had not landed, as `a/1 b/2`; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStart:
    """The latest start of a run's agent."""

    epoch: int = 0
    """Counts the times the run was handed to an executor; what an older one reports is refused."""
    at: float = 0.0
    """When the agent was set to work; 0: it has not been."""
    log: str = ""
    """The folder of its event files."""
    offset: int = 0
    """How far its events have been read."""
    sandbox_level: str = ""
    """The lowest of all starts of the run."""
    text_sha: str = ""
    """Digest of the task text that was handed to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUsage(Usage):
    """What a run has used so far."""

    estimated: bool = False
    """Some of its cost is from a price table."""

    def with_turn(self, turn: Usage, *, estimated: bool) -> RunUsage:
        """The sum of this and one more turn."""
        both = self.plus(turn)
        return RunUsage(
            input_tokens=both.input_tokens, cached_tokens=both.cached_tokens, output_tokens=both.output_tokens,
            cost_usd=both.cost_usd, estimated=self.estimated or estimated,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStatus:
    """What an agent shows of itself while it works; the last of it stays."""

    first_reply_at: float = 0.0
    """When the first of its reply came; 0: nothing has."""
    last_event_at: float = 0.0
    waiting_seconds: float = 0.0
    """Seconds it has waited for people."""
    tool_calls: str = "[]"
    """JSON of `board.views.tool_timeline`: its latest tool calls, oldest first."""
    context_used: int = 0
    context_window: int = 0
    refused_hosts: str = ""
    """What its sandbox refused to connect to, an entry a line."""

    @property
    def context_share(self) -> float:
        """How full the model's context is; 0 where it was not reported."""
        return self.context_used / self.context_window if self.context_window > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedError:
    """The last error of the provider that the agent has reported and not got over."""

    kind: str
    message: str
    retry_at: float | None = None
    """When the provider said that one may come back."""


# ---- where it stands


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparingState:
    """See `RunState.PREPARING`."""

    kind: ClassVar = RunState.PREPARING


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingState:
    """See `RunState.WORKING`."""

    kind: ClassVar = RunState.WORKING


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingState:
    """See `RunState.WAITING`."""

    kind: ClassVar = RunState.WAITING
    since: float = 0.0
    reason: RunReason = RunReason.NONE
    """How the agent left; none: it is there, and waits itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittingState:
    """See `RunState.SUBMITTING`."""

    kind: ClassVar = RunState.SUBMITTING
    reason: RunReason
    message: str = ""
    """How the agent ended, in words."""
    submission: int = 0
    """The number of what it submits, which no other run gets; 0: it submits nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedState:
    """See `RunState.ENDED`."""

    kind: ClassVar = RunState.ENDED
    at: float
    reason: RunReason
    message: str = ""
    """How it ended, in words."""
    message_path: str = ""
    """The message that says so to people; empty: its agent never began."""
    kept_commit: str = ""
    """The commit that holds what it left."""
    tree: str = ""
    """Of that commit."""
    submission: int = 0
    """The number of what it has submitted; 0: nothing."""
    recorded: bool = False
    """The workspace's log has it, or is about to."""


AnyRunState = PreparingState | WorkingState | WaitingState | SubmittingState | EndedState
"""Where a run stands, with what is known in that state only."""


def end_reason(state: AnyRunState) -> RunReason:
    """How the agent's latest start ended, as far as it has."""
    return RunReason.NONE if isinstance(state, PreparingState | WorkingState) else state.reason
