"""Budgets in money, tokens and minutes: a run's share is reserved before it starts, and settled by what it reports.

Pure. Money is only counted where an agent is paid by use. Where a cap cannot be kept, the run is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.model import AgentSpec, Budget, Usage
from coworkd.core.text_formats import format_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskBudget:
    """What a task may use, and what its runs have used."""

    limit: Budget
    used: Budget
    """Every value is known."""
    reserved: float = 0.0
    """What its other live runs may cost beyond that."""
    last_unused: float | None = None
    """What was left of the last run's reservation, where that run ended because it was not enough."""
    last_message: str = ""
    """The end of that run."""

    @property
    def bounded(self) -> bool:
        """Whether it bounds a run any more than the day does."""
        return self.limit != Budget() or self.last_unused is not None


class BudgetPeriod(StrEnum):
    """The time that a budget of all tasks is for."""

    DAY = "day"
    """Any 24 hours."""
    NIGHT = "night"
    """One window of `night:`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBudget:
    """What all tasks of the workspace together may use in a period, and what they have."""

    period: BudgetPeriod = BudgetPeriod.DAY

    limit: float | None = None
    """None: no bound."""
    used: float = 0.0
    reserved: float = 0.0
    """By runs that are not over, beyond what they have used."""
    freed_at: float | None = None
    """When there is more: the oldest of what was used leaves the 24 hours, or the night is over."""

    @property
    def left(self) -> float:
        """What no run has used or reserved."""
        return math.inf if self.limit is None else self.limit - self.used - self.reserved


NO_SHARED_BUDGET = SharedBudget()


def tightest(budgets: Sequence[SharedBudget]) -> SharedBudget:
    """The one of which the least is left: a run that keeps to it keeps to all of them."""
    return min(budgets, key=lambda budget: budget.left, default=NO_SHARED_BUDGET)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """What there is, what was used, and what others may still use, when a run is to start."""

    limit: Budget
    """Of the task."""
    used: Budget
    """By the task so far; every value is known."""
    task_reserved: float = 0.0
    """Of the task's, by its other live runs, beyond what they have used."""
    shared_limit: float | None = None
    """Of all tasks together, in the period; None: no bound."""
    period: BudgetPeriod = BudgetPeriod.DAY
    shared_used: float = 0.0
    reserved: float = 0.0
    """Of what is shared, by runs at work, beyond what they have used."""
    freed_at: float | None = None
    """When more of what is shared is there."""
    starting_runs: int = 1
    """Runs that may start now, this one included: they share what is left of the day."""
    wave: int = 1
    """Runs of the task that start together, this one included: they share what is left of the task's budget."""
    paid_by_use: bool = True
    """A subscription costs no money of its own."""
    price_unknown: bool = False
    """What this agent's work costs is not known."""
    last_unused: float | None = None
    """What was left of a run's reservation when it ended because that was not enough; None: none did."""
    last_message: str = ""
    """The end of that run."""


def budget_state(
    task: TaskBudget, day: SharedBudget, agent: AgentSpec, *, price_unknown: bool, starting_runs: int = 1, wave: int = 1
) -> BudgetState:
    """The state for one run of a task by an agent."""
    return BudgetState(
        limit=task.limit, used=task.used, task_reserved=task.reserved, last_unused=task.last_unused,
        last_message=task.last_message,
        period=day.period, shared_limit=day.limit, shared_used=day.used, reserved=day.reserved, freed_at=day.freed_at,
        starting_runs=max(starting_runs, 1), wave=max(wave, 1), paid_by_use=agent.billing == "api",
        price_unknown=price_unknown,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The run may start, and use this much."""

    left: Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetExhausted:
    """The run may not start, for this reason; `until`: when time alone may change that."""

    reason: str
    until: float | None = None


_PRICE_UNKNOWN = (
    "what this agent costs is not known, so no cap in `usd` can be kept; bound it by `tokens` or `minutes` instead, or"
    " say `billing: subscription`"
)


def reserve(budget: BudgetState) -> Reservation | BudgetExhausted:
    """What a run may use at most, so that no cap is exceeded whatever other runs do."""
    tokens = _left(budget.limit.tokens, budget.used.tokens)
    minutes = _left(budget.limit.minutes, budget.used.minutes)
    if tokens is not None and tokens <= 0:
        return BudgetExhausted(reason=_used_up(f"{budget.used.tokens:,} of {budget.limit.tokens:,} tokens", "tokens"))
    if minutes is not None and minutes <= 0:
        return BudgetExhausted(
            reason=_used_up(f"{budget.used.minutes:.0f} of {budget.limit.minutes:g} minutes", "minutes")
        )
    money = _dollars(budget)
    if isinstance(money, BudgetExhausted):
        return money
    tokens = None if tokens is None else int(tokens / budget.wave)
    return Reservation(left=Budget(usd=money, tokens=tokens, minutes=minutes))


_LEAST_SHARE_USD = 0.01
"""Below this a run is given all that is left of the day, not a share of it."""


def extra_dollars(task: TaskBudget, day: SharedBudget, starting_runs: int) -> float:
    """What a run whose reservation is used up may cost beyond it: what no other run has reserved; 0: it has to stop."""
    own = _left(task.limit.usd, task.used.usd)
    bounds = [] if own is None else [own - task.reserved]
    if day.limit is not None:
        left = day.limit - day.used - day.reserved
        share = left / max(starting_runs, 1)
        bounds.append(share if share >= _LEAST_SHARE_USD else left)
    return max(min(bounds), 0.0) if bounds else 0.0


def _dollars(budget: BudgetState) -> float | None | BudgetExhausted:
    """Dollars that the run may use; None: nothing bounds them."""
    if not budget.paid_by_use or (budget.limit.usd is None and budget.shared_limit is None):
        return None
    if budget.price_unknown:
        return BudgetExhausted(reason=_PRICE_UNKNOWN)
    own = _left(budget.limit.usd, budget.used.usd)
    if own is not None and own <= 0:
        spent = f"{format_usd(budget.used.usd or 0.0)} of {format_usd(budget.limit.usd or 0.0)}"
        return BudgetExhausted(reason=_used_up(spent, "usd"))
    if own is not None and (own := own - budget.task_reserved) <= 0:
        own_limit = format_usd(budget.limit.usd or 0.0)
        return BudgetExhausted(reason=f"the rest of the task's {own_limit} is reserved by its other runs")
    day = None if budget.shared_limit is None else budget.shared_limit - budget.shared_used - budget.reserved
    if day is not None and day <= 0:
        return _shared_limit_reached(budget)
    # A run that had too little before is given all that is left, not a share again.
    shared = None if day is None else day if budget.last_unused is not None else day / budget.starting_runs
    bounds = [bound for bound in (own if own is None else own / budget.wave, shared) if bound is not None]
    usd = min(bounds)
    if budget.last_unused is not None and usd <= budget.last_unused:
        message = budget.last_message or f"{format_usd(budget.last_unused)} was not enough"
        return BudgetExhausted(
            reason=f"{message}; no more is left: raise `budget: {{usd}}`",
            until=None if day is None else budget.freed_at,
        )
    return usd


_PERIOD_WORDS = {
    BudgetPeriod.DAY: (
        "in 24 hours", "raise `budget: {usd_per_day}` in config.yaml, or wait until the day rolls on"
    ),
    BudgetPeriod.NIGHT: ("in this night", "raise `night: {usd}` in config.yaml, or wait until the night is over"),
}  # fmt: skip
"""By period: how it is called, and what to do."""


def _shared_limit_reached(budget: BudgetState) -> BudgetExhausted:
    if budget.reserved > 0 and budget.shared_limit is not None and budget.shared_used < budget.shared_limit:
        limit = format_usd(budget.shared_limit)
        return BudgetExhausted(reason=f"the rest of the {budget.period}'s {limit} is reserved by runs at work")
    when, advice = _PERIOD_WORDS[budget.period]
    what = f"budget used up: {format_usd(budget.shared_used)} of {format_usd(budget.shared_limit or 0)} {when}"
    return BudgetExhausted(reason=f"{what}; {advice}", until=budget.freed_at)


def _used_up(what: str, key: str) -> str:
    return f"budget used up: {what}; raise `budget: {{{key}}}` in the task to go on"


def _left(limit: float | None, used: float | None) -> float | None:
    return None if limit is None else limit - (used or 0)


MAX_TOKENS = 2**53
"""More tokens than any agent uses; their sum would not fit into the database."""


def invalid_usage_reason(usage: Usage) -> str:
    """Why a report of usage cannot be right; empty when it can."""
    counts = (usage.input_tokens, usage.cached_tokens, usage.output_tokens)
    if not all(0 <= count < MAX_TOKENS for count in counts):
        return f"{usage.input_tokens} tokens in, {usage.cached_tokens} of them cached, {usage.output_tokens} out"
    if usage.cost_usd is not None and (not math.isfinite(usage.cost_usd) or usage.cost_usd < 0):
        return f"a cost of {usage.cost_usd}"
    if not any(counts) and not usage.cost_usd:
        return "no tokens at all"
    return ""


def exceeded_reason(limit: Budget, used: Budget, reserved: float | None, own: float | None) -> str:
    """Which limit a run has reached, and by how much it exceeded it; empty while it may go on.

    `reserved` is what this run may cost, `own` what it has cost.
    """
    if limit.tokens is not None and (used.tokens or 0) >= limit.tokens:
        over = (used.tokens or 0) - limit.tokens
        return f"{used.tokens:,} of {limit.tokens:,} tokens" + (f", {over:,} over" if over else "")
    if limit.usd is not None and used.usd is not None and used.usd >= limit.usd:
        return f"{format_usd(used.usd)} of {format_usd(limit.usd)}" + _excess(used.usd - limit.usd)
    if reserved is not None and own is not None and own >= reserved:
        return f"{format_usd(own)} of the {format_usd(reserved)} that were left for it" + _excess(own - reserved)
    return ""


def _excess(usd: float) -> str:
    return f", {format_usd(usd)} over because its agent tells only after each turn" if usd >= 0.005 else ""
