"""What tasks and days have used, read from the database."""

from __future__ import annotations

from coworkd.board.task_board import Board
from coworkd.core.model import AgentSpec, Budget
from coworkd.dispatch.scheduling.budget_rules import BudgetExhausted, BudgetState, Reservation, reserve
from coworkd.store import TaskRow

DAY = 86400.0

BUDGET_USED_UP = "budget used up"
"""The `stop` of a run that has come to the end of its budget."""


class BudgetReader:
    """Used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db = board.db

    def reserve(self, row: TaskRow, agent: AgentSpec, share: int, now: float) -> Reservation | BudgetExhausted:
        """What a run of this task by this agent may use, or why it may not start."""
        limit, day = self._board.specs.task(row.path).budget, self._board.specs.settings().budget_usd_per_day
        if limit == Budget() and day is None:
            return Reservation(left=limit)
        last, words = self._last(row)
        return reserve(
            BudgetState(
                limit=limit, used=self.used_by_task(row),
                daily_limit=day, daily_used=self.spent_in_24_hours(now), reserved=self._reserved(),
                oldest_expires_at=self._rolls_at(now), starting_runs=max(share, 1), paid_by_use=agent.billing == "api",
                price_unknown=self._unknown(agent), last_unused=last, last_message=words,
            )
        )  # fmt: skip

    def used_by_task(self, row: TaskRow) -> Budget:
        """By the task so far."""
        minutes = self._db.scalar(
            "SELECT coalesce(sum(ended - started - waited), 0) / 60.0 FROM runs WHERE task = ? AND ended IS NOT NULL",
            row.id,
        )
        usd = self._db.scalar(
            "SELECT coalesce(sum(cost_usd), 0) FROM usages WHERE task = ? AND billing = 'api'", row.id
        )
        return Budget(usd=usd, tokens=row.input_tokens + row.output_tokens, minutes=minutes)

    def spent_in_24_hours(self, now: float) -> float:
        """Dollars in the last 24 hours, as far as they are known."""
        sql = "SELECT coalesce(sum(cost_usd), 0) FROM usages WHERE at > ? AND billing = 'api'"
        return float(self._db.scalar(sql, now - DAY))

    def _reserved(self) -> float:
        """What runs at work may still use."""
        return float(
            self._db.scalar(
                "SELECT coalesce(sum(max(reserved_usd - coalesce(cost_usd, 0), 0)), 0) FROM runs"
                " WHERE state != 'ended' AND reserved_usd IS NOT NULL"
            )
        )

    def _rolls_at(self, now: float) -> float | None:
        sql = "SELECT min(at) FROM usages WHERE at > ? AND billing = 'api' AND cost_usd > 0"
        oldest = self._db.scalar(sql, now - DAY)
        return None if oldest is None else oldest + DAY

    def _unknown(self, agent: AgentSpec) -> bool:
        """Whether the last that it reported had no price."""
        rows = self._db.query(
            "SELECT u.cost_usd FROM usages u JOIN runs r ON r.id = u.run WHERE u.agent = ? AND r.model = ?"
            " ORDER BY u.id DESC LIMIT 1",
            agent.name, agent.model,
        )  # fmt: skip
        return bool(rows) and rows[0]["cost_usd"] is None

    def _last(self, row: TaskRow) -> tuple[float | None, str]:
        sql = (
            "SELECT reason, message, max(reserved_usd - coalesce(cost_usd, 0), 0) AS rest FROM runs WHERE task = ?"
            " AND state = 'ended' ORDER BY ended DESC, rowid DESC LIMIT 1"
        )
        rows = self._db.query(sql, row.id)
        short = rows[0] if rows and rows[0]["reason"] == "budget" else None
        return (short["rest"], short["message"]) if short else (None, "")
