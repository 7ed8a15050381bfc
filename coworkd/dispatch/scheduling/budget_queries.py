"""What tasks and the workspace have used, read from the database."""

from __future__ import annotations

from dataclasses import replace

from coworkd.board.nights import night_now
from coworkd.board.task_board import Board
from coworkd.core.model import AgentSpec, Budget
from coworkd.core.nights import NightWindow
from coworkd.core.runs import RunReason
from coworkd.dispatch.scheduling.budget_rules import (
    BudgetExhausted,
    BudgetPeriod,
    Reservation,
    SharedBudget,
    TaskBudget,
    budget_state,
    extra_dollars,
    reserve,
    tightest,
)
from coworkd.store import TaskRow
from coworkd.store.runs import count_working
from coworkd.store.usage import (
    TaskUsage,
    has_unknown_price,
    oldest_spending_expires_at,
    reserved_usd,
    reserved_usd_of_task,
    spent_after,
    spent_in_24_hours,
    usage_of_tasks,
)


def task_budget(row: TaskRow, limit: Budget, usage: TaskUsage) -> TaskBudget:
    """What a task may use, and what it has."""
    used = Budget(usd=usage.usd, tokens=row.input_tokens + row.output_tokens, minutes=usage.minutes)
    if usage.last_reason != RunReason.BUDGET:
        return TaskBudget(limit=limit, used=used)
    return TaskBudget(limit=limit, used=used, last_unused=usage.last_unused_usd, last_message=usage.last_message)


class BudgetReader:
    """Used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db = board.db

    def reserve(self, row: TaskRow, agent: AgentSpec, now: float, *, wave: int = 1) -> Reservation | BudgetExhausted:
        """What a run of this task by this agent may use, or why it may not start.

        `wave`: how many runs of the task start together and share what is left of its budget, this one included.
        """
        task, unknown, places = self._with_reserved(row), self.price_unknown(agent), self._free_places()
        day = self.shared(now)
        return reserve(budget_state(task, day, agent, price_unknown=unknown, starting_runs=places, wave=wave))

    def extra_dollars(self, row: TaskRow, now: float) -> float:
        """What a live run of this task may cost beyond its reservation, once that is used up."""
        return extra_dollars(self._with_reserved(row), self.shared(now), self._free_places() + 1)

    def _with_reserved(self, row: TaskRow) -> TaskBudget:
        task = self._task_budget(row, self._board.specs.task(row.path).budget)
        return replace(task, reserved=reserved_usd_of_task(self._db, row.id))

    def _free_places(self) -> int:
        return self._board.specs.settings().concurrency - count_working(self._db)

    def used_by_task(self, row: TaskRow) -> Budget:
        """What a task has used so far."""
        return self._task_budget(row, Budget()).used

    def _task_budget(self, row: TaskRow, limit: Budget) -> TaskBudget:
        return task_budget(row, limit, usage_of_tasks(self._db, [row.id])[row.id])

    def shared(self, now: float) -> SharedBudget:
        """What all tasks share: the day's or the night's, whichever leaves less; nothing is read that has no limit."""
        limit, night = self._board.specs.settings().budget_usd_per_day, night_now(self._board, now)
        budgets = [] if limit is None else [self._of_the_day(limit, now)]
        if night.window is not None and night.caps is not None and night.caps.usd is not None:
            budgets.append(self._of_the_night(night.caps.usd, night.window))
        return tightest(budgets)

    def _of_the_day(self, limit: float, now: float) -> SharedBudget:
        return SharedBudget(
            limit=limit, used=spent_in_24_hours(self._db, now), reserved=reserved_usd(self._db),
            freed_at=oldest_spending_expires_at(self._db, now),
        )  # fmt: skip

    def _of_the_night(self, limit: float, window: NightWindow) -> SharedBudget:
        return SharedBudget(
            period=BudgetPeriod.NIGHT, limit=limit, used=spent_after(self._db, window.begin),
            reserved=reserved_usd(self._db), freed_at=window.end,
        )  # fmt: skip

    def price_unknown(self, agent: AgentSpec) -> bool:
        """Whether what this agent costs is not known."""
        return has_unknown_price(self._db, agent.name, agent.model)
