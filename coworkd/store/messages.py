"""Messages of people and agents in the threads of tasks."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.store.database import Database
from coworkd.store.rows import MessageRow, MessageStage

_HELD_BACK = 1e17
"""A message that is due later than this is a draft, or waits for something else than time."""

_USER = ("", "user")
"""The senders of a person's message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsentMessage:
    """A person's message that was not handed over, and why."""

    path: str
    task: str
    note: str
    since: float


def unsent_messages(db: Database) -> list[UnsentMessage]:
    """Messages that nobody was given, or that wait for a reason that is shown."""
    rows = db.query(
        "SELECT m.path, m.task, m.note, coalesce(d.changed_at, 0.0) AS since FROM messages m"
        " LEFT JOIN documents d ON d.path = m.path WHERE m.stage = ? OR (m.stage = ? AND m.note != '')",
        MessageStage.UNSENT, MessageStage.NEW,
    )  # fmt: skip
    return [UnsentMessage(path=row["path"], task=row["task"], note=row["note"], since=row["since"]) for row in rows]


def messages_of(db: Database, task: str) -> list[MessageRow]:
    """The thread of a task, in the order of first sight."""
    return db.all(MessageRow, "task = ? ORDER BY seen, path", task)


def find_new_message(db: Database, path: str) -> MessageRow | None:
    """The message at this path, while it has not been handed over."""
    return db.one(MessageRow, "path = ? AND stage = ?", path, MessageStage.NEW)


def delivered_messages(db: Database, run: str) -> list[MessageRow]:
    """What a person wrote and a run was given, in order."""
    sql = "run = ? AND sender IN (?, ?) AND stage = ? ORDER BY seen"
    return db.all(MessageRow, sql, run, *_USER, MessageStage.DELIVERED)


def message_replied_to(db: Database, run: str) -> str:
    """The path of the last message of a person that a run was given; empty: none."""
    return db.scalar("SELECT path FROM messages WHERE run = ? AND sender = '' ORDER BY seen DESC LIMIT 1", run) or ""


def message_files_of(db: Database, run: str) -> list[tuple[str, bytes]]:
    """Path and bytes of the messages of a person that a run was given, the last one first."""
    rows = db.query(
        "SELECT d.path, d.want FROM messages m JOIN documents d ON d.path = m.path"
        " WHERE m.run = ? AND m.sender = '' ORDER BY m.seen DESC",
        run,
    )
    return [(row["path"], row["want"]) for row in rows]


def make_message_due(db: Database, path: str, now: float) -> None:
    """The message is handed over at once, unless it is held back."""
    sql = "UPDATE messages SET due = ? WHERE path = ? AND stage = ? AND due < ?"
    db.execute(sql, now, path, MessageStage.NEW, _HELD_BACK)


def send_again(db: Database, task: str) -> None:
    """What could not be sent while the task was over, and was written here, is handed over after all."""
    db.execute(
        "UPDATE messages SET stage = ?, note = '' WHERE task = ? AND stage = ?"
        " AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.path = messages.path AND d.pulled)",
        MessageStage.NEW, task, MessageStage.UNSENT,
    )  # fmt: skip


def add_receipt(db: Database, path: str, sha: str, run: str) -> None:
    """A message with these bytes was handed to a run, as its record says."""
    db.execute("INSERT OR IGNORE INTO receipts (path, digest, run) VALUES (?, ?, ?)", path, sha, run)
