"""What the simulation asks of the database to play the parts around it and to judge its histories."""

from __future__ import annotations

from collections.abc import Collection

from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.core.run_states import RunState
from coworkd.store.database import Database
from coworkd.store.messages import IS_NEW
from coworkd.store.rows import MessageRow, MessageStage, RunRow
from coworkd.store.versions import VersionAuthor


def live_runs_outside(db: Database, statuses: Collection[Status]) -> list[RunRow]:
    """The runs that have not ended and whose task has none of these statuses."""
    marks = ", ".join("?" for _ in statuses)
    where = f"state != '{RunState.ENDED}' AND EXISTS (SELECT 1 FROM tasks WHERE id = task AND status NOT IN ({marks}))"
    return db.all(RunRow, where, *sorted(statuses))


def next_message_due(db: Database, before: float) -> float | None:
    """When the next new message of a running task is due; None: none is, before this time."""
    return db.scalar(
        "SELECT min(m.due) FROM messages m JOIN tasks t ON t.id = m.task"
        f" WHERE m.{IS_NEW} AND m.due < ? AND t.status = ?",
        before, Status.RUNNING,
    )  # fmt: skip


def count_messages_from(db: Database, run: str) -> int:
    return int(db.scalar("SELECT count(*) FROM messages WHERE run = ?", run))


def versions_since(db: Database, at: float) -> list[bytes]:
    """The versions of documents that were kept since."""
    return [row["bytes"] for row in db.query("SELECT bytes FROM bases WHERE at >= ?", at)]


def all_contents(db: Database) -> list[bytes]:
    """Every version of every document, and what each should say."""
    return [row["bytes"] for row in db.query("SELECT bytes FROM bases UNION ALL SELECT want FROM documents")]


def unfinished_writes(db: Database) -> list[str]:
    """The documents whose write has begun and not ended."""
    return [row["path"] for row in db.query("SELECT path FROM writes")]


def judged_status_requests(db: Database) -> list[tuple[str, str]]:
    """The file and the status of every request of a status that took effect or was refused, once for each time."""
    rows = db.query(
        "SELECT t.path, json_extract(e.data, '$.wanted') AS word FROM events e JOIN tasks t ON t.id = e.task"
        " WHERE e.kind IN ('wish', 'wish refused')"
    )
    return [(row["path"], row["word"]) for row in rows]


def repeated_deliveries(db: Database) -> list[tuple[str, int]]:
    """The messages that were delivered more than once, and how often."""
    rows = db.query(
        "SELECT json_extract(data, '$.path') AS path, count(*) AS count FROM events WHERE kind = ?"
        " GROUP BY 1 HAVING count(*) > 1",
        EventKind.MESSAGE_DELIVERED,
    )
    return [(row["path"], row["count"]) for row in rows]


def all_runs(db: Database) -> list[RunRow]:
    return db.all(RunRow)


def messages_to_send(db: Database) -> list[MessageRow]:
    return db.all(MessageRow, "stage = ?", MessageStage.NEW)


def message_stage(db: Database, path: str) -> str | None:
    """None: there is no such message."""
    return db.scalar("SELECT stage FROM messages WHERE path = ?", path)


def forget_saved_versions(db: Database) -> None:
    """Forget every version that a person saved."""
    db.execute("DELETE FROM bases WHERE who = ?", VersionAuthor.USER)
