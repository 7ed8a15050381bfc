"""What a saved message, approval or review means: rows for the rooms above to act on."""

from __future__ import annotations

from pathlib import PurePosixPath

from coworkd.model import AnswerSpec, MessageKind, MessageSpec
from coworkd.prose import answer_section
from coworkd.store import Database, MessageRow, MessageStage
from coworkd.sync.arrival import Arrival

NEVER = 1e18
"""A due time that does not come: the message is a draft."""

ANSWER = "#answer"
"""Marks the row of an answer that was written inside the question's own file."""


def message(db: Database, arrival: Arrival, quiet: float) -> None:
    """A message file was saved."""
    spec = arrival.decoded.of(MessageSpec)
    row = db.one(MessageRow, "path = ?", arrival.path)
    if row is not None and row.stage is MessageStage.DAEMON:
        _answer_inside(db, arrival, row, quiet)
    elif row is None or row.stage is MessageStage.NEW:
        db.put(_row(db, arrival, spec, quiet, seen=row.seen if row else 0))
    elif spec.resend and not _resent(arrival):
        db.put(_row(db, arrival, spec, quiet, seen=0))
    elif spec.body.strip() != row.body.strip() and row.stage is MessageStage.DELIVERED:
        note = "it was delivered before this edit; write a new message, or `resend: true` in this one"
        db.set(MessageRow, row.path, note=note)


def _resent(arrival: Arrival) -> bool:
    return arrival.base is not None and arrival.base.of(MessageSpec).resend


def _row(db: Database, arrival: Arrival, spec: MessageSpec, quiet: float, seen: int) -> MessageRow:
    stage, note = MessageStage.NEW, ""
    if arrival.decoded.cowork.run:
        stage = MessageStage.DELIVERED
    elif spec.sender and spec.sender != "user":
        stage = MessageStage.DAEMON
    elif arrival.pulled:
        stage, note = MessageStage.UNSENT, "it came by git; save it here, or send it with `coworkd reply`"
    return MessageRow(
        path=arrival.path, task=_task(arrival.path), sender=spec.sender, kind=spec.kind, stage=stage,
        seen=seen or next_seen(db), due=NEVER if spec.draft or not spec.body.strip() else arrival.changed_at + quiet,
        run=arrival.decoded.cowork.run, reply_to=spec.reply_to, body=spec.body, note=note,
    )  # fmt: skip


def _answer_inside(db: Database, arrival: Arrival, row: MessageRow, quiet: float) -> None:
    """Text under `## Answer` in a question is an answer to it."""
    path = arrival.path + ANSWER
    known = db.one(MessageRow, "path = ?", path)
    text = "" if arrival.pulled or row.kind is not MessageKind.QUESTION else answer_section(arrival.document.body)
    if known is not None and known.stage is not MessageStage.NEW:
        return
    if not text:
        db.execute("DELETE FROM messages WHERE path = ?", path)
        return
    db.put(
        MessageRow(
            path=path, task=row.task, sender="", kind=MessageKind.REPLY, stage=MessageStage.NEW,
            seen=known.seen if known else next_seen(db), due=arrival.changed_at + quiet, run="",
            reply_to=PurePosixPath(arrival.path).stem, body=text, note="",
        )
    )  # fmt: skip


def next_seen(db: Database) -> int:
    """The next place in the order of first sight."""
    return 1 + int(db.scalar("SELECT coalesce(max(seen), 0) FROM messages"))


def _task(path: str) -> str:
    return PurePosixPath(path).parent.name


def answer(db: Database, arrival: Arrival) -> None:
    """An approval or a review was saved: what stands there, for the room that asked."""
    spec = arrival.decoded.of(AnswerSpec)
    word = "held" if spec.answer is None else str(spec.answer)
    db.execute(
        "INSERT OR REPLACE INTO answers (path, answer, comment, scope, granted, request, status, written, sha, body,"
        " pulled) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        arrival.path, word, spec.comment, str(spec.scope), spec.grant, spec.request, spec.status, spec.written,
        arrival.sha, spec.body, int(arrival.pulled),
    )  # fmt: skip
