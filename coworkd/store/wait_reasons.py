"""Why ready tasks do not run, as the latest plan said it: what holds for many tasks is stored once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from coworkd.store.database import Database


class WaitScope(StrEnum):
    """For which tasks a reason holds."""

    EVERY = "every"
    """For every ready task, whatever else is said of it."""
    TASK = "task"
    AGENT = "agent"
    """For the tasks whose files name this agent; empty: for those that name none."""
    REST = "rest"
    """For every ready task of which nothing else is said."""


WaitKey = tuple[WaitScope, str]
"""The scope, and the name of the task or agent; empty for the others."""


@dataclass(frozen=True, slots=True)
class WaitReasons:
    """All reasons that are stored."""

    by_key: Mapping[WaitKey, str]

    def of(self, task: str, agent: str) -> str:
        """Why a ready task does not run; empty where nothing is known. `agent`: the one that its file names."""
        keys = ((WaitScope.EVERY, ""), (WaitScope.TASK, task), (WaitScope.AGENT, agent), (WaitScope.REST, ""))
        return next((self.by_key[key] for key in keys if key in self.by_key), "")


def wait_reasons(db: Database) -> WaitReasons:
    """Why ready tasks wait, as it was stored last."""
    rows = db.query("SELECT scope, name, reason FROM waits")
    return WaitReasons({(WaitScope(row["scope"]), row["name"]): row["reason"] for row in rows})


def update_wait_reasons(db: Database, reasons: Mapping[WaitKey, str], over: Collection[WaitKey]) -> None:
    """Store these reasons, and forget those that are over; inside of a transaction."""
    for scope, name in over:
        db.execute("DELETE FROM waits WHERE scope = ? AND name = ?", scope, name)
    for (scope, name), reason in reasons.items():
        db.insert_batched("INSERT OR REPLACE INTO waits (scope, name, reason) VALUES (?, ?, ?)", scope, name, reason)
