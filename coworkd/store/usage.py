"""What agents have used: money, tokens and minutes."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from coworkd.core.model import Usage
from coworkd.core.run_states import RunState
from coworkd.core.runs import RunReason
from coworkd.store.database import Database

DAY = 86400.0
"""Seconds of the window in which the budget of a workspace is counted."""

BILLED = "api"
"""The billing of an agent that is paid by use; a subscription costs no money of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskUsage:
    """What the ended runs of a task have used."""

    usd: float = 0.0
    minutes: float = 0.0
    last_reason: str = ""
    """Why the run that ended last did; empty: none has ended."""
    last_message: str = ""
    last_unused_usd: float | None = None
    """What was left of that run's reservation; None: nothing was reserved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """What an agent reported for a part of a run."""

    at: float
    run: str
    task: str
    agent: str
    billing: str
    usage: Usage
    estimated: bool
    """Its cost is from a price table."""


def add_usage(db: Database, row: UsageRow) -> None:
    """Record what was reported."""
    usage = row.usage
    db.execute(
        "INSERT INTO usages (at, run, task, agent, input_tokens, cached_tokens, output_tokens, cost_usd, estimated,"
        " billing) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row.at, row.run, row.task, row.agent, usage.input_tokens, usage.cached_tokens, usage.output_tokens,
        usage.cost_usd, int(row.estimated), row.billing,
    )  # fmt: skip


def has_usage(db: Database, task: str, run: str) -> bool:
    """Whether anything is recorded of what a run of this task has used."""
    return bool(db.scalar("SELECT 1 FROM usages WHERE task = ? AND run = ? LIMIT 1", task, run))


def spent_in_24_hours(db: Database, now: float) -> float:
    """Dollars, as far as they are known."""
    return spent_after(db, now - DAY)


def spent_after(db: Database, since: float) -> float:
    """Dollars that were spent after a time, as far as they are known."""
    sql = "SELECT coalesce(sum(cost_usd), 0) FROM usages WHERE at > ? AND billing = ?"
    return float(db.scalar(sql, since, BILLED))


def oldest_spending_expires_at(db: Database, now: float) -> float | None:
    """When the oldest spending leaves the 24 hours; None: nothing was spent."""
    sql = "SELECT min(at) FROM usages WHERE at > ? AND billing = ? AND cost_usd > 0"
    oldest = db.scalar(sql, now - DAY, BILLED)
    return None if oldest is None else oldest + DAY


_RESERVED = (
    "SELECT coalesce(sum(max(reserved_usd - coalesce(cost_usd, 0), 0)), 0) FROM runs"
    f" WHERE state != '{RunState.ENDED}' AND reserved_usd IS NOT NULL"  # no value: for the index of live runs
)


def reserved_usd(db: Database) -> float:
    """Dollars that runs which are not over may still use."""
    return float(db.scalar(_RESERVED))


def reserved_usd_of_task(db: Database, task: str) -> float:
    """Dollars that the live runs of a task may still use."""
    return float(db.scalar(f"{_RESERVED} AND task = ?", task))


def has_unknown_price(db: Database, agent: str, model: str) -> bool:
    """Whether the last that the agent reported with this model had no price."""
    rows = db.query(
        "SELECT u.cost_usd FROM usages u JOIN runs r ON r.id = u.run WHERE u.agent = ? AND r.model = ?"
        " ORDER BY u.id DESC LIMIT 1",
        agent, model,
    )  # fmt: skip
    return bool(rows) and rows[0]["cost_usd"] is None


_USAGE_OF_TASKS = (
    "SELECT asked.value AS task,"
    " (SELECT coalesce(sum(cost_usd), 0.0) FROM usages WHERE task = asked.value AND billing = ?) AS usd,"
    " (SELECT coalesce(sum(ended - started - waited), 0) / 60.0 FROM runs WHERE task = asked.value"
    " AND state = ?) AS minutes, coalesce(last.reason, '') AS reason, coalesce(last.message, '') AS message,"
    " max(last.reserved_usd - coalesce(last.cost_usd, 0), 0) AS unused"
    " FROM json_each(?) asked LEFT JOIN runs last ON last.rowid = (SELECT rowid FROM runs WHERE task = asked.value"
    " AND state = ? ORDER BY ended DESC, rowid DESC LIMIT 1)"
)


def usage_of_tasks(db: Database, tasks: Collection[str]) -> dict[str, TaskUsage]:
    """The usage of each of these tasks."""
    rows = db.query(_USAGE_OF_TASKS, BILLED, RunState.ENDED, json.dumps(sorted(tasks)), RunState.ENDED)
    return {
        row["task"]: TaskUsage(
            usd=row["usd"], minutes=row["minutes"], last_reason=row["reason"], last_message=row["message"],
            last_unused_usd=row["unused"],
        )
        for row in rows
    }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageTotal:
    """The runs of a task together; None is unknown."""

    input_tokens: int
    output_tokens: int
    usd: float | None


def total_usage(db: Database, task: str) -> UsageTotal:
    """The usage of all runs of a task, active ones included."""
    row = db.query(
        "SELECT sum(input_tokens) AS i, sum(output_tokens) AS o, sum(cost_usd) AS c FROM runs WHERE task = ?", task
    )[0]
    return UsageTotal(input_tokens=row["i"] or 0, output_tokens=row["o"] or 0, usd=row["c"])


def usage_of_runs(db: Database, task: str) -> UsageTotal | None:
    """The usage of all runs of a task; None: no run of it is known."""
    known = db.scalar("SELECT 1 FROM runs WHERE task = ? LIMIT 1", task)
    return total_usage(db, task) if known else None


def has_estimated_cost(db: Database, task: str) -> bool:
    """Whether what a task cost is partly estimated, or covered by a subscription."""
    sql = "SELECT 1 FROM runs WHERE task = ? AND (estimated OR billing != ?) LIMIT 1"
    return bool(db.scalar(sql, task, BILLED))


@dataclass(frozen=True, slots=True, kw_only=True)
class PastUsage:
    """What one run that is over has used."""

    tokens: int
    usd: float | None
    """None: its price is not known."""


def past_usages(db: Database, agent: str, number: int = 10) -> list[PastUsage]:
    """What the last runs of an agent used that came to their end, the latest first."""
    rows = db.query(
        "SELECT input_tokens + output_tokens AS tokens, cost_usd FROM runs WHERE agent = ? AND state = ? AND reason = ?"
        " ORDER BY ended DESC LIMIT ?",
        agent, RunState.ENDED, RunReason.DONE, number,
    )  # fmt: skip
    return [PastUsage(tokens=row["tokens"] or 0, usd=row["cost_usd"]) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodUsage:
    """What all runs together have used since a time."""

    tokens: int = 0
    usd: float | None = None
    """None: of no run it is known."""
    estimated: bool = False
    """A part of it is from a price table, or covered by a subscription."""
    unknown: int = 0
    """Runs whose cost is not known, so that `usd` is the least that it was."""


def usage_since(db: Database, since: float) -> PeriodUsage:
    """What runs reported from this time on; a run that reported nothing is one whose cost is not known."""
    used = db.query(
        "SELECT coalesce(sum(input_tokens + output_tokens), 0) AS tokens, sum(cost_usd) AS usd,"
        " coalesce(max(cost_usd IS NOT NULL AND (estimated OR billing != ?)), 0) AS estimated FROM usages"
        " WHERE at >= ?",
        BILLED, since,
    )[0]  # fmt: skip
    unknown = "SELECT count(*) FROM runs WHERE cost_usd IS NULL AND began > 0 AND (started >= ? OR ended >= ?)"
    return PeriodUsage(
        tokens=used["tokens"], usd=used["usd"], estimated=bool(used["estimated"]),
        unknown=int(db.scalar(unknown, since, since)),
    )  # fmt: skip
