"""Which ready tasks start in this turn, and why each of the others waits.

Keeps `ready_queue` in step with the index of ready tasks, reads the inputs of a plan, and stores the reasons. A
turn in which nothing has changed asks the database the same few questions however many tasks wait, and one in which a
place becomes free looks at as many tasks as start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from coworkd.board.nights import night_now, night_tasks
from coworkd.board.task_board import Board
from coworkd.core.model import AgentSpec, Budget, PatternRequest, Status
from coworkd.dispatch.scheduling.agent_selection import AgentChoice, AgentSelector
from coworkd.dispatch.scheduling.budget_queries import BudgetReader
from coworkd.dispatch.scheduling.budget_rules import (
    BudgetExhausted,
    SharedBudget,
    TaskBudget,
    budget_state,
    reserve,
)
from coworkd.dispatch.scheduling.capacity import CapacityReader
from coworkd.dispatch.scheduling.cooldowns import provider_of
from coworkd.dispatch.scheduling.plan_inputs import PlanInputs, RequestedAgent
from coworkd.dispatch.scheduling.ready_index import ReadyIndex, ReadyTask
from coworkd.dispatch.scheduling.ready_queue import ReadyQueue
from coworkd.dispatch.scheduling.scheduler import Postponed, StartRun
from coworkd.dispatch.scheduling.start_order import QueuedTask
from coworkd.dispatch.scheduling.start_rate import StartRate
from coworkd.store.runs import count_preparing, count_runs
from coworkd.store.tasks import last_requested_at
from coworkd.store.wait_reasons import WaitKey, WaitScope, update_wait_reasons, wait_reasons
from coworkd.sync.effective_specs import CONFIG

GATHERING_TIME = 0.3
"""Seconds that a new task waits for others which were saved with it, so that the most urgent of them starts first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ChargedBudgets:
    """What a run of an agent is charged to, besides its task's own budget."""

    spec: AgentSpec
    day: SharedBudget
    price_unknown: bool

    def postponement(self, budget: TaskBudget) -> Postponed | None:
        """Why nothing is left for a run; None where something is."""
        found = reserve(budget_state(budget, self.day, self.spec, price_unknown=self.price_unknown))
        return Postponed(reason=found.reason, until=found.until) if isinstance(found, BudgetExhausted) else None


_NO_BUDGET = TaskBudget(limit=Budget(), used=Budget())


class StartPlanner:
    """Used by the writer thread alone."""

    def __init__(self, board: Board, capacity: CapacityReader, is_behind: Callable[[str, float], bool]) -> None:
        """`is_behind`: whether a file was saved and this is not taken in yet, at a time."""
        self._is_behind = is_behind
        self._board = board
        self._db = board.db
        self._capacity = capacity
        self._index = ReadyIndex(board)
        self._queue = ReadyQueue()
        self._rate = StartRate()
        self._agents = AgentSelector(board)
        self._budgets = BudgetReader(board)
        self._stored = dict(wait_reasons(board.db).by_key)
        """The reasons in the database: those of an earlier daemon until the first plan replaces them."""
        self._queue.changed |= {name for scope, name in self._stored if scope is WaitScope.TASK}

    def plan(self, now: float) -> list[StartRun]:
        """The runs that are to start now."""
        self._index.refresh()
        self._update_queue(now)
        self._refuse_unusable(now)
        if not self._queue.requested():
            self._queue.forget_reasons()
            return []
        if any(self._is_behind(path, now) for path in self._files_to_follow()):
            return []
        starts = self._queue.plan(self._inputs(now), now)
        self._rate.record(len(starts), now)
        return starts

    def _files_to_follow(self) -> Iterator[str]:
        """The files that say how the requested agents run. What was saved there before a start counts for it."""
        yield CONFIG
        default = self._board.specs.settings().agent
        for requested in {name or default for name in self._queue.requested()}:
            agent = self._agents.agent(requested)
            yield from (f"agents/{name}.md" for name in (requested, *(agent.fallback if agent else ())))

    def postpone(self, start: StartRun, exhausted: BudgetExhausted) -> None:
        """It did not start after all: other runs have reserved what was left of the day in this very turn."""
        self._queue.postpone_started(start.task, Postponed(reason=exhausted.reason, until=exhausted.until))

    def record(self) -> None:
        """Store why each ready task does not run."""
        found = self._shared_reasons() | self._own_reasons(self._queue.changed)
        old = {key for key in self._stored if key[0] is not WaitScope.TASK or key[1] in self._queue.changed}
        changed = {key: reason for key, reason in found.items() if self._stored.get(key) != reason}
        over = old - found.keys()
        self._queue.changed.clear()
        if not changed and not over:
            return
        with self._db.write():
            update_wait_reasons(self._db, changed, over)
        self._stored |= changed
        for key in over:
            del self._stored[key]

    def deadline(self) -> float | None:
        """When time alone may let a task start."""
        return self._queue.deadline()

    # ---- what is stored

    def _shared_reasons(self) -> dict[WaitKey, str]:
        queue = self._queue
        found: dict[WaitKey, str] = {
            (WaitScope.AGENT, name): why.reason for name, why in queue.agent_postponements.items()
        }
        if queue.halt is not None:
            found[WaitScope.EVERY, ""] = queue.halt.reason
        if queue.rest is not None:
            found[WaitScope.REST, ""] = queue.rest.reason
        return found

    def _own_reasons(self, tasks: set[str]) -> dict[WaitKey, str]:
        reasons = {task: self._queue.own_reason(task) for task in tasks}
        return {(WaitScope.TASK, task): why.reason for task, why in reasons.items() if why is not None}

    # ---- what the queue holds

    def _update_queue(self, now: float) -> None:
        queued: list[QueuedTask] = []
        for task in self._index.take_changed():
            ready = self._index.find(task)
            self._queue.remove(task)
            if ready is None:
                continue
            if ready.unsupported_reason:
                self._refuse(ready, ready.unsupported_reason, now)
            else:
                queued.append(self._queued_task(ready))
        self._queue.put(queued)

    def _queued_task(self, ready: ReadyTask) -> QueuedTask:
        row = ready.row
        return QueuedTask(
            task=row.id, requested=ready.spec.agent, priority=row.priority, since=row.since,
            chain_length=self._index.chain_length(row.id), touches=ready.spec.touches, not_before=row.not_before,
            attempted=row.attempt > 0,
        )  # fmt: skip

    def _refuse_unusable(self, now: float) -> None:
        """A task whose agent cannot run at all has a problem, which takes it out of the index."""
        default = self._board.specs.settings().agent
        for requested in self._queue.requested():
            if problem := self._agents.unusable_reason(requested or default):
                for ready in [task for task in self._index.tasks() if task.spec.agent == requested]:
                    self._queue.remove(ready.row.id)
                    self._refuse(ready, problem, now)
        for ready in self._index.with_named_seats():
            if problem := self._seat_problem(ready.spec.pattern):
                self._queue.remove(ready.row.id)
                self._refuse(ready, problem, now)

    def _seat_problem(self, pattern: PatternRequest) -> str:
        """Why an agent that a pattern names cannot run at all; empty when all can."""
        for seat, names in (("members", pattern.members), ("judges", pattern.judges)):
            for name in names:
                if problem := self._agents.unusable_reason(name):
                    return f"`pattern: {pattern.name}`, `{seat}`: {problem}"
        return ""

    def _refuse(self, ready: ReadyTask, problem: str, now: float) -> None:
        with self._db.write():
            self._board.add_problem(ready.row, "agent", problem, now)

    # ---- the inputs of a plan

    def _inputs(self, now: float) -> PlanInputs:
        default, day = self._board.specs.settings().agent, self._budgets.shared(now)
        tasks = night_tasks(self._board, night_now(self._board, now))
        chosen = {name: self._agents.select_for(name or default, now) for name in self._queue.requested()}
        charged = {name: self._charged_budgets(choice.agent, day) for name, choice in chosen.items()}
        return PlanInputs(
            agents={name: self._requested_agent(choice, charged[name], now) for name, choice in chosen.items()},
            budgets=(charged, tasks), night_tasks=tasks,
            gathering_until=last_requested_at(self._db, Status.READY, now + GATHERING_TIME) or 0.0,
            gathering_time=GATHERING_TIME, earlier_starts=count_runs(self._db),
            allowance=self._rate.allowance(now, count_preparing(self._db)),
            active=self._capacity.active_runs(), capacity=self._capacity.capacity(now),
        )  # fmt: skip

    def _charged_budgets(self, agent: str, day: SharedBudget) -> _ChargedBudgets | None:
        spec = self._agents.agent(agent)
        return spec and _ChargedBudgets(spec=spec, day=day, price_unknown=self._budgets.price_unknown(spec))

    def _requested_agent(self, choice: AgentChoice, charged: _ChargedBudgets | None, now: float) -> RequestedAgent:
        unavailable = self._agents.unavailable(choice.agent, now) if choice.until > now else None
        if unavailable is not None:
            return RequestedAgent(agent=choice.agent, blocked=Postponed(reason=unavailable.reason, until=choice.until))
        if charged is None:
            return RequestedAgent(agent=choice.agent)
        return RequestedAgent(
            agent=choice.agent, provider=provider_of(charged.spec), blocked=charged.postponement(_NO_BUDGET),
            check_budget=lambda task: self._budget_postponement(task, charged),
        )  # fmt: skip

    def _budget_postponement(self, task: str, charged: _ChargedBudgets) -> Postponed | None:
        ready = self._index.find(task)
        return charged.postponement(ready.budget) if ready is not None and ready.budget.bounded else None
