"""Which ready tasks start in this turn, and why each of the others waits.

Reads the board, applies `scheduler.next_actions`, and stores the reasons. A turn in which nothing has changed asks the
database the same few questions however many tasks wait.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coworkd.board.task_board import Board
from coworkd.core.model import AgentSpec, Status
from coworkd.dispatch.scheduling.agent_selection import AgentChoice, AgentSelector
from coworkd.dispatch.scheduling.budget_queries import BudgetReader
from coworkd.dispatch.scheduling.budget_rules import BudgetExhausted, DailyBudget, budget_state, reserve
from coworkd.dispatch.scheduling.capacity import CapacityReader
from coworkd.dispatch.scheduling.ready_index import ReadyIndex, ReadyTask
from coworkd.dispatch.scheduling.scheduler import ActiveRun, Capacity, Postponed, StartCandidate, StartRun, next_actions
from coworkd.store.tasks import last_requested_at, update_wait_reasons, wait_reasons

GATHERING_TIME = 0.3
"""Seconds that a new task waits for others which were saved with it, so that the most urgent of them starts first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _AgentState:
    """What holds for every task that requests the same agent."""

    unusable_reason: str
    choice: AgentChoice
    spec: AgentSpec | None
    """Of the chosen agent."""
    unavailable_reason: str
    """Why neither the requested agent nor a fallback may be started now."""
    price_unknown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inputs:
    """All that a plan follows from, but for time: while it stays the same, so does the plan."""

    version: int
    """Of the index of ready tasks."""
    default_agent: str
    agents: Mapping[str, _AgentState]
    day: DailyBudget
    gathering_until: float
    active: Sequence[ActiveRun]
    capacity: Capacity


class StartPlanner:
    """Used by the writer thread alone."""

    def __init__(self, board: Board, capacity: CapacityReader) -> None:
        self._board = board
        self._db = board.db
        self._capacity = capacity
        self._index = ReadyIndex(board)
        self._agents = AgentSelector(board)
        self._budgets = BudgetReader(board)
        self._planned_from: _Inputs | None = None
        self._valid_until = 0.0
        self._postponed: dict[str, Postponed] = {}
        self._stored = wait_reasons(board.db)
        """The reasons in the database: those of an earlier daemon until the first plan replaces them."""

    def plan(self, now: float) -> list[StartRun]:
        """The runs that are to start now."""
        self._index.refresh()
        if not self._index.tasks():
            self._planned_from, self._postponed = None, {}
            return []
        inputs = self._inputs(now)
        if inputs == self._planned_from and now < self._valid_until:
            return []
        actions = next_actions(self._candidates(inputs, now), inputs.active, inputs.capacity, now)
        self._postponed = {action.task: action for action in actions if isinstance(action, Postponed)}
        self._planned_from = inputs
        self._valid_until = min((until for until in self._times() if until > now), default=math.inf)
        return [action for action in actions if isinstance(action, StartRun)]

    def postpone(self, start: StartRun, exhausted: BudgetExhausted) -> None:
        """It did not start after all: other runs have reserved what was left of the day in this very turn."""
        self._postponed[start.task] = Postponed(task=start.task, reason=exhausted.reason, until=exhausted.until)
        self._planned_from = None

    def record(self) -> None:
        """Store why each ready task does not run."""
        reasons = {task: postponed.reason for task, postponed in self._postponed.items()}
        if reasons == self._stored:
            return
        changed = {task: reason for task, reason in reasons.items() if self._stored.get(task) != reason}
        with self._db.write():
            update_wait_reasons(self._db, changed, self._stored.keys() - reasons.keys())
        self._stored = reasons

    def deadline(self) -> float | None:
        """When time alone may let a task start."""
        return min(self._times(), default=None)

    def _times(self) -> list[float]:
        return [postponed.until for postponed in self._postponed.values() if postponed.until is not None]

    # ---- what a plan follows from

    def _inputs(self, now: float) -> _Inputs:
        default = self._board.specs.settings().agent
        requested = {task.spec.agent or default for task in self._index.tasks()}
        return _Inputs(
            version=self._index.version, default_agent=default,
            agents={name: self._agent_state(name, now) for name in sorted(requested)},
            day=self._budgets.day(now),
            gathering_until=last_requested_at(self._db, Status.READY, now + GATHERING_TIME) or 0.0,
            active=self._capacity.active_runs(), capacity=self._capacity.capacity(now),
        )  # fmt: skip

    def _agent_state(self, requested: str, now: float) -> _AgentState:
        choice = self._agents.select_for(requested, now)
        unavailable = self._agents.unavailable(choice.agent, now) if choice.until > now else None
        spec = self._agents.agent(choice.agent)
        return _AgentState(
            unusable_reason=self._agents.unusable_reason(requested), choice=choice, spec=spec,
            unavailable_reason=unavailable.reason if unavailable else "",
            price_unknown=spec is not None and self._budgets.price_unknown(spec),
        )  # fmt: skip

    def _candidates(self, inputs: _Inputs, now: float) -> list[StartCandidate]:
        candidates: list[StartCandidate] = []
        for task in list(self._index.tasks()):
            agent = inputs.agents[task.spec.agent or inputs.default_agent]
            if problem := task.unsupported_reason or agent.unusable_reason:
                with self._db.write():
                    self._board.add_problem(task.row, "agent", problem, now)
            else:
                candidates.append(self._candidate(task, agent, inputs, now))
        return candidates

    def _candidate(self, task: ReadyTask, agent: _AgentState, inputs: _Inputs, now: float) -> StartCandidate:
        row, unavailable = task.row, agent.unavailable_reason
        exhausted = None if unavailable else _exhausted(task, agent, inputs.day)
        gathering = inputs.gathering_until if row.since > now - GATHERING_TIME and not row.attempt else 0.0
        return StartCandidate(
            task=row.id, agent=agent.choice.agent, priority=row.priority, since=row.since,
            chain_length=self._index.chain_length(row.id), touches=task.spec.touches,
            not_before=max(row.not_before, gathering),
            blocked_reason=exhausted.reason if exhausted else unavailable,
            blocked_until=exhausted.until if exhausted else agent.choice.until if unavailable else None,
        )  # fmt: skip


def _exhausted(task: ReadyTask, agent: _AgentState, day: DailyBudget) -> BudgetExhausted | None:
    """Why the budget leaves nothing for a run; None where it leaves something."""
    if agent.spec is None:
        return None
    found = reserve(budget_state(task.budget, day, agent.spec, price_unknown=agent.price_unknown))
    return found if isinstance(found, BudgetExhausted) else None
