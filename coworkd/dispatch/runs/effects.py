"""What may follow from the end of a run, as values: `after_run` decides on them, `RunEffects` applies them."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.agents.port import ErrorKind
from coworkd.core.machine_faults import MachineFault
from coworkd.core.model import Status
from coworkd.core.runs import RunReason
from coworkd.core.start_faults import StartFault
from coworkd.dispatch.executors.slot_results import Imported, NoChanges
from coworkd.dispatch.patterns.steps import RunResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Requeue:
    """The task is ready again, and this attempt does not count."""

    reason: str
    not_before: float | None = None
    """None: as before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitAgain:
    """The run never began: what it was for, the task or its conflict, waits as before."""

    reason: str
    not_before: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatConflict:
    """The run was to resolve a conflict and did not: a round has failed, and the conflict is there as before."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The task is ready for another attempt."""

    reason: str
    failures: int
    not_before: float
    counted: bool
    """False: this attempt does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """The task failed. `abort`: nothing new is started either."""

    reason: str
    failures: int
    abort: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRound:
    """A round of the task's `loop:` is over; `reason` says what is not right yet."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """The agent is unavailable: a fallback takes over, or the task waits until one of them is available."""

    error: ErrorKind
    stop: bool
    """The agent cannot work at all, and is stopped; else it cools down."""
    reason: str
    """What the run ended with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """What the run made goes to the merge queue."""

    result: Imported | NoChanges
    needs_approval: bool
    status: Status
    """Where the task stands meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReview:
    """The run's reply is a plan."""

    refs: tuple[str, ...]
    """Where changes that the agent left are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerGiven:
    """The run's reply is the answer that the task asks for: the task is done."""

    refs: tuple[str, ...]
    """Where changes that the agent left are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The machine failed: runs are held back until it works again."""

    fault: MachineFault


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldStart:
    """No slot could be made ready: what depends on the fault is held back, and what the run was for waits."""

    fault: StartFault


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentWorks:
    """The agent came to an end of its own: it is available again."""

    started: bool
    """Its program and its login work, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFailedAtOnce:
    """The agent failed right after its start: too many of these in a row stop it."""

    last_words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectEnd:
    """The run's record says this of its end, rather than what was written when it ended; None: as it was."""

    reason: RunReason | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWork:
    """What the run of a step left."""

    number: int = 0
    """Of the ref with its change; 0: it has none."""
    commit: str = ""
    tree: str = ""
    base: str = ""
    """The commit that it began with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndStep:
    """The step has its result; the pattern goes on with it."""

    result: RunResult
    work: StepWork


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryStep:
    """The step is run again, no sooner than `not_before`."""

    reason: str
    not_before: float
    failures: int | None = None
    """Runs of it that have failed by now; None: as before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAgain:
    """The reply has no block that can be read: its agent is asked for that alone."""

    reason: str
    work: StepWork


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolDown:
    """The agent of a step is unavailable: a fallback takes the step over, or it waits until one of them is."""

    error: ErrorKind
    stop: bool
    """The agent cannot work at all, and is stopped; else it cools down."""
    reason: str


StepEffect = EndStep | RetryStep | AskAgain | CoolDown
"""What follows for a step of a pattern."""

Effect = (
    Requeue
    | WaitAgain
    | RepeatConflict
    | Retry
    | Fail
    | EndRound
    | Fallback
    | Submit
    | PlanReview
    | AnswerGiven
    | Hold
    | HoldStart
    | AgentWorks
    | AgentFailedAtOnce
    | CorrectEnd
    | StepEffect
)
