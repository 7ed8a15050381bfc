"""How runs end, as values: `after_run` decides what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from coworkd.core.machine_faults import MachineFault
from coworkd.core.model import AgentSpec, Loop
from coworkd.dispatch.executors.slot_results import FinishResult, MachineFailed, SlotDeferred, SlotFailed
from coworkd.dispatch.runs.loop_rules import Round
from coworkd.dispatch.scheduling.retry_policy import RetryPolicy
from coworkd.store import FinishedRun, TaskRow


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionSentBack:
    """The merge queue sends back what the run submitted."""

    message: str
    log: str = ""
    """The file with the whole output of the check that is red; empty: no check was run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotStarted:
    """The slot is ready, and the run is no longer to start: it was stopped, or its agent is gone."""


StartFailure = SlotDeferred | SlotFailed | MachineFailed | NotStarted
"""How a run ends that never began."""
RunEnd = FinishResult | SubmissionSentBack | StartFailure


def _no_fault() -> MachineFault | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterRunPolicy:
    """What the settings, the task's text and the workspace say about what may follow."""

    retry: RetryPolicy
    jitter: float = 0.0
    merge_approval: bool = True
    """A person has to approve the change before it lands."""
    loop: Loop | None = None
    """The task's `loop:`, where the run was a round of one."""
    rounds: tuple[Round, ...] = ()
    """The rounds before this one, oldest first."""
    agent: AgentSpec | None = None
    """The run's agent; None: it is gone."""
    agent_failing: bool = False
    """The agent is stopped because its runs fail at once: one more of these uses up no attempt."""
    other_runs: bool = False
    """Another run of the task is live: where the task stands follows from that one, unless this one submits."""
    machine_fault: Callable[[], MachineFault | None] = _no_fault
    """Looks for what is wrong with this machine right now; asked only where a failure may be its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterRunContext:
    """What decides on what follows: the run that is over, its task, the policy, the time."""

    run: FinishedRun
    task: TaskRow
    policy: AfterRunPolicy
    now: float
