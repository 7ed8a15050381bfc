"""Messages of people and agents in the threads of tasks."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.model import MessageKind
from coworkd.store.database import Database
from coworkd.store.rows import MessageRow, MessageStage

IS_NEW = f"stage = '{MessageStage.NEW}'"
"""A literal: with a parameter SQLite would plan each time again whether the partial index serves for its value."""

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
    """Messages that were not delivered, or that wait for a reason that is shown."""
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
    """The messages by people that were handed to a run, in order."""
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
    """Make the messages that were written here and could not be sent, because the task was over, new again."""
    db.execute(
        "UPDATE messages SET stage = ?, note = '' WHERE task = ? AND stage = ?"
        " AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.path = messages.path AND d.pulled)",
        MessageStage.NEW, task, MessageStage.UNSENT,
    )  # fmt: skip


def add_receipt(db: Database, path: str, sha: str, run: str) -> None:
    """A message with these bytes was handed to a run, as its record says."""
    db.execute("INSERT OR IGNORE INTO receipts (path, digest, run) VALUES (?, ?, ?)", path, sha, run)


def due_messages(db: Database, now: float) -> list[MessageRow]:
    """Messages whose quiet time is over, and that were not handed over, in the order of first sight."""
    first = db.scalar(f"SELECT min(due) FROM messages WHERE {IS_NEW}")
    if first is None or first > now:
        return []
    return db.all(MessageRow, f"{IS_NEW} AND due <= ? ORDER BY seen, path", now)


def next_message_due_at(db: Database, now: float) -> float | None:
    """When the next quiet time of a message is over; None: none is running."""
    sql = f"SELECT min(due) FROM messages WHERE {IS_NEW} AND due < ? AND due > ?"
    at: float | None = db.scalar(sql, _HELD_BACK, now)
    return at


def new_messages_of(db: Database, task: str) -> list[MessageRow]:
    """The messages to a task that were not handed over, also those whose quiet time is not over."""
    sql = "task = ? AND stage = ? AND due < ? ORDER BY seen, path"
    return db.all(MessageRow, sql, task, MessageStage.NEW, _HELD_BACK)


def thread_of(db: Database, task: str) -> list[MessageRow]:
    """The thread of a task: messages that were handed over, and messages of agents."""
    sql = "task = ? AND stage IN (?, ?) ORDER BY seen, path"
    return db.all(MessageRow, sql, task, MessageStage.DELIVERED, MessageStage.DAEMON)


def count_messages(db: Database, run: str, kind: MessageKind) -> int:
    """The number of messages of this kind that a run has sent."""
    return int(db.scalar("SELECT count(*) FROM messages WHERE run = ? AND kind = ?", run, kind))


def set_unsent(db: Database, path: str, note: str) -> None:
    """Mark a message as kept and shown, but not handed over; the note says why."""
    db.set(MessageRow, path, stage=MessageStage.UNSENT, note=note)


def set_note(db: Database, path: str, note: str) -> None:
    """Set the note that is shown beside a message that waits."""
    db.set(MessageRow, path, note=note)


def find_message(db: Database, path: str) -> MessageRow | None:
    """The message in this file, or the answer inside of one."""
    return db.one(MessageRow, "path = ?", path)


def receipt_run(db: Database, path: str, digest: str) -> str:
    """The run to which this text was handed, as its record says; empty: none."""
    return db.scalar("SELECT run FROM receipts WHERE path = ? AND digest = ?", path, digest) or ""


def remove_message(db: Database, path: str) -> None:
    db.execute("DELETE FROM messages WHERE path = ?", path)


def remove_new_messages(db: Database, *paths: str) -> None:
    """Messages that were deleted before they were handed over are never sent."""
    for path in paths:
        db.execute("DELETE FROM messages WHERE stage = ? AND path = ?", MessageStage.NEW, path)


def next_seen(db: Database) -> int:
    """The next place in the order of first sight."""
    return 1 + int(db.scalar("SELECT coalesce(max(seen), 0) FROM messages"))
