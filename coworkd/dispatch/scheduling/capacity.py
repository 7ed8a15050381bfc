"""The capacity for runs, read from the workspace: places, limits of agents, and what halts every start.

The rule that is applied to it is `scheduler.postponement`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from coworkd.board.measured_disk import measured_disk
from coworkd.board.nights import night_now
from coworkd.board.task_board import Board
from coworkd.core.disk_use import disk_limit_reason
from coworkd.core.model import Status, TaskSpec
from coworkd.core.nights import end_reason, tokens_reason
from coworkd.dispatch.scheduling.agent_selection import AgentSelector
from coworkd.dispatch.scheduling.agent_stops import AT_ONCE
from coworkd.dispatch.scheduling.cooldowns import provider_of
from coworkd.dispatch.scheduling.machine_hold import MachineHold
from coworkd.dispatch.scheduling.scheduler import MAX_FAILURES, ActiveRun, Capacity, Postponed, RunRequest, postponement
from coworkd.dispatch.scheduling.setup_hold import SetupHold
from coworkd.store import RunRow, RunState
from coworkd.store.agent_stops import agent_stops, failures_in_a_row
from coworkd.store.runs import live_runs
from coworkd.store.tasks import find_task, task_paths
from coworkd.store.usage import usage_since
from coworkd.system.memory import available_memory

RECHECK_AFTER = 1.0
"""Seconds between two looks at a repository that nothing can start from: no event tells of a first commit."""
SPACE_RECHECK_AFTER = 10.0
"""Seconds between two looks at what was measured last of the disk."""


class CapacityReader:
    """Used by the writer thread alone."""

    def __init__(
        self,
        board: Board,
        no_base_reason: Callable[[], str],
        machine_hold: MachineHold,
        setup: SetupHold,
        memory: Callable[[], int | None] = available_memory,
    ) -> None:
        """`no_base_reason` says why no run can start from this repository as it is; empty when one can.

        `memory`: bytes that are free on this machine; None where that is not known.
        """
        self._board = board
        self._db = board.db
        self._no_base_reason = no_base_reason
        self._machine_hold = machine_hold
        self._setup = setup
        self._memory = memory
        self._agents = AgentSelector(board)

    def active_runs(self) -> list[ActiveRun]:
        """Every run that is not over."""
        runs = live_runs(self._db)
        paths = task_paths(self._db, {run.task for run in runs})
        specs = self._board.specs.tasks(paths.values())
        return [self._active_run(run, specs.get(paths.get(run.task, ""), TaskSpec()).touches) for run in runs]

    def _active_run(self, run: RunRow, touches: tuple[str, ...]) -> ActiveRun:
        return ActiveRun(
            run=run.id, task=run.task, agent=run.agent, provider=run.provider, touches=touches,
            waiting=run.state.kind is RunState.WAITING, preparing=run.state.kind is RunState.PREPARING,
            tested_at=run.start.at + AT_ONCE if run.start.at else math.inf,
        )  # fmt: skip

    def capacity(self, now: float) -> Capacity:
        """How much may be at work now."""
        no_base, held = self._no_base_reason(), self._machine_hold.reason(now)
        not_set_up = "" if no_base or held else self._setup.reason(now)
        until = self._setup.deadline(now) if not_set_up else None
        settings = self._board.specs.settings()
        no_space, night_reason = self._no_space_reason(settings.limits.disk), self._night_reason(now)
        return Capacity(
            total=settings.concurrency,
            per_provider=dict(settings.limits.providers),
            memory=self._memory(),
            per_agent=self._agent_limits(),
            failures=self._failures(),
            halt_reason=held or self._abort_reason() or night_reason,
            slots_halt_reason=no_base or no_space or not_set_up,
            halt_until=self._halt_until(now, no_base=no_base, held=held) if no_base or held or no_space else until,
            one_slot_at_a_time=self._setup.probing(),
        )

    def _night_reason(self, now: float) -> str:
        """Why the night lets nothing start: it is over, or its tokens are used up."""
        night = night_now(self._board, now)
        if night.window is None or night.caps is None or night.caps.tokens is None:
            return end_reason(night, now)
        return end_reason(night, now) or tokens_reason(night, usage_since(self._db, night.window.begin).tokens)

    def _no_space_reason(self, limit: int | None) -> str:
        return disk_limit_reason(measured_disk(self._db), limit) if limit is not None else ""

    def _halt_until(self, now: float, *, no_base: str, held: str) -> float | None:
        if no_base:
            return now + RECHECK_AFTER
        return self._machine_hold.deadline(now) if held else now + SPACE_RECHECK_AFTER

    def resume_postponement(self, run: RunRow, now: float) -> Postponed | None:
        """Why a run that waited may not go on now; None when it may."""
        return self._postponement(run.task, run.agent, now, needs_slot=False, itself=run.id)

    def start_postponement(self, task: str, agent: str, now: float) -> Postponed | None:
        """Why no run of a task by this agent may start now; None when one may."""
        return self._postponement(task, agent, now)

    def _postponement(
        self, task: str, agent: str, now: float, *, needs_slot: bool = True, itself: str = ""
    ) -> Postponed | None:
        unavailable = self._agents.unavailable(agent, now)
        spec = self._agents.agent(agent)
        request = RunRequest(
            task=task, agent=agent, provider=provider_of(spec) if spec else "", touches=self._touches(task),
            needs_slot=needs_slot,
            blocked_reason=unavailable.reason if unavailable else "",
            blocked_until=unavailable.until if unavailable else None,
        )  # fmt: skip
        others = [active for active in self.active_runs() if not itself or active.run != itself]
        return postponement(request, others, self.capacity(now), now)

    def _touches(self, task: str) -> tuple[str, ...]:
        return self._board.specs.task(self._board.task(task).path).touches

    def _agent_limits(self) -> dict[str, int]:
        """How many runs of each agent may be at work, where that is limited: a stopped one is tried by one run."""
        found = {name: self._agents.agent(name) for name in self._board.specs.agents()}
        limits = {name: spec.limits.concurrency for name, spec in found.items() if spec}
        known = {name: limit for name, limit in limits.items() if limit is not None}
        return known | {stop.agent: min(1, known.get(stop.agent, 1)) for stop in agent_stops(self._db)}

    def _failures(self) -> dict[str, int]:
        """Runs in a row that failed at once, of agents that are not stopped for it yet."""
        return {agent: times for agent, times in failures_in_a_row(self._db).items() if times < MAX_FAILURES}

    def _abort_reason(self) -> str:
        failed = self._db.state.halted_by
        row = find_task(self._db, failed) if failed else None
        if row is None or row.status is not Status.FAILED:
            return ""
        return f"nothing starts since `{failed}` failed with `on_error: abort`; make that task ready again"
