"""Tasks that failed, with the end of the reply of the run that failed last."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.model import Status
from coworkd.core.runs import RunReason
from coworkd.store.database import Database

MAX_REPLY_TAIL = 2000
"""Characters of a reply's end that are read."""

_FAILED = (
    "SELECT t.id, t.path, t.since, t.reason, coalesce(r.agent, '') AS agent,"
    f" coalesce(substr(r.said, -{MAX_REPLY_TAIL}), '') AS said, coalesce(r.message_path, '') AS message"
    " FROM tasks t LEFT JOIN runs r ON r.id ="
    " (SELECT id FROM runs WHERE task = t.id ORDER BY started DESC, rowid DESC LIMIT 1)"
    " WHERE t.status = ? AND NOT t.gone AND NOT t.elsewhere AND coalesce(r.reason, '') != ?"
    " ORDER BY t.since, t.id"
)
"""A task whose change a person has rejected is not among them: that person knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTask:
    """One task that failed, though no person has rejected it."""

    id: str
    path: str
    since: float
    reason: str
    agent: str
    said: str
    """The end of what the agent said; empty: nothing, or it never started."""
    message: str
    """The message that has all of it."""


def failed_tasks(db: Database) -> list[FailedTask]:
    """Every failed task of this instance, the oldest first."""
    return [
        FailedTask(
            id=row["id"], path=row["path"], since=row["since"], reason=row["reason"], agent=row["agent"],
            said=row["said"], message=row["message"],
        )
        for row in db.query(_FAILED, Status.FAILED, RunReason.REJECTED)
    ]  # fmt: skip
