"""What a saved message, approval or review means: rows for the packages above to act on."""

from __future__ import annotations

import dataclasses
from pathlib import PurePosixPath

from coworkd.core.model import AnswerSpec, Kind, MessageKind, MessageSpec, Problem
from coworkd.documents.body import answer_section
from coworkd.documents.editing import edit
from coworkd.documents.lookalikes import lookalike_reason
from coworkd.documents.markdown import Value
from coworkd.store import Database, DocumentRow, MessageRow, MessageStage
from coworkd.store.announcements import announced_on_terminal
from coworkd.store.answers import WrittenAnswer, put_answer
from coworkd.store.documents import find_document
from coworkd.store.messages import find_message, next_seen, receipt_run, remove_message
from coworkd.store.problems import put_problem
from coworkd.sync.disk.folder import digest
from coworkd.sync.ingest.incoming_document import IncomingDocument
from coworkd.sync.ingest.misplaced_text import answer_reason, message_reason, sender_reason

NEVER = 1e18
"""A due time that does not come: the message is a draft."""

ANSWER = "#answer"
"""Marks the row of an answer that was written inside the question's own file."""


def ingest_message(db: Database, arrival: IncomingDocument, quiet: float) -> None:
    """A message file was saved."""
    spec = arrival.decoded.of(MessageSpec)
    row = find_message(db, arrival.path)
    if row is not None and row.stage is MessageStage.DAEMON:
        _answer_inside(db, arrival, row, quiet)
        _notice(db, arrival, message_reason(db, arrival, row) or sender_reason(arrival, spec.sender))
    elif row is None or row.stage in (MessageStage.NEW, MessageStage.UNSENT):
        made = _row(db, arrival, spec, quiet, seen=row.seen if row else 0)
        db.put(made)
        _notice(db, arrival, sender_reason(arrival, spec.sender))
        if made.run != arrival.decoded.cowork.run:
            _write_receipt(db, made)
    elif spec.resend and not _resent(arrival):
        db.put(dataclasses.replace(_row(db, arrival, spec, quiet, seen=0), stage=_first_stage(arrival, spec), run=""))
    elif row.stage is MessageStage.DELIVERED:
        _saved_again(db, arrival, row)


def _notice(db: Database, arrival: IncomingDocument, reason: str) -> None:
    """Shown until the file is saved again without cause for it."""
    if reason:
        put_problem(db, Problem(path=arrival.path, line=0, message=reason), "misplaced", arrival.now)


def _resent(arrival: IncomingDocument) -> bool:
    return arrival.base is not None and arrival.base.of(MessageSpec).resend


def _saved_again(db: Database, arrival: IncomingDocument, row: MessageRow) -> None:
    """A delivered message keeps its receipt, whatever buffer it is saved from, and says that edits are not sent."""
    if arrival.decoded.cowork.run != row.run:
        _write_receipt(db, row)
    if arrival.decoded.of(MessageSpec).body.strip() != row.body.strip():
        text = "it was delivered before this edit; write a new message, or `resend: true` in this one"
        put_problem(db, Problem(path=row.path, line=0, message=text), "notice", arrival.now, row.task)


def _write_receipt(db: Database, row: MessageRow) -> None:
    known = find_document(db, row.path)
    assert known is not None, "a message that arrives has been remembered before"
    changes: dict[tuple[str, ...], Value] = {
        ("cowork", "id"): PurePosixPath(row.path).stem, ("cowork", "run"): row.run,
        ("cowork", "rev"): str(max(known.rev, 0) + 1),
    }  # fmt: skip
    data = edit(known.target_bytes, changes)
    db.set(DocumentRow, row.path, target_bytes=data, target_sha=digest(data))


def _row(db: Database, arrival: IncomingDocument, spec: MessageSpec, quiet: float, seen: int) -> MessageRow:
    run = arrival.decoded.cowork.run or _receipt(db, arrival.path, spec)
    stage = MessageStage.DELIVERED if run else _first_stage(arrival, spec)
    note = "it came by git; save it here, or send it with `coworkd reply`" if stage is MessageStage.UNSENT else ""
    return MessageRow(
        path=arrival.path, task=_task(arrival.path), sender=spec.sender, kind=spec.kind, stage=stage,
        seen=seen or next_seen(db), due=NEVER if spec.draft or not spec.body.strip() else arrival.changed_at + quiet,
        run=run, reply_to=spec.reply_to, body=spec.body, note=note,
    )  # fmt: skip


def _receipt(db: Database, path: str, spec: MessageSpec) -> str:
    """The run that heard this text, as far as only its record remembers: the file lost its receipt, or never had it."""
    return receipt_run(db, path, digest(spec.body.encode()))


def _first_stage(arrival: IncomingDocument, spec: MessageSpec) -> MessageStage:
    """Where a message without a receipt begins."""
    if spec.sender and spec.sender != "user":
        return MessageStage.DAEMON
    return MessageStage.UNSENT if arrival.from_git else MessageStage.NEW


def _answer_inside(db: Database, arrival: IncomingDocument, row: MessageRow, quiet: float) -> None:
    """Text under `## Answer` in a question is an answer to it."""
    path = arrival.path + ANSWER
    known = find_message(db, path)
    text = "" if arrival.from_git or row.kind is not MessageKind.QUESTION else answer_section(arrival.document.body)
    if known is not None and known.stage is not MessageStage.NEW:
        return
    if not text:
        remove_message(db, path)
        return
    db.put(
        MessageRow(
            path=path, task=row.task, sender="", kind=MessageKind.REPLY, stage=MessageStage.NEW,
            seen=known.seen if known else next_seen(db), due=arrival.changed_at + quiet, run="",
            reply_to=PurePosixPath(arrival.path).stem, body=text, note="",
        )
    )  # fmt: skip


def _task(path: str) -> str:
    return PurePosixPath(path).parent.name


def ingest_answer(db: Database, arrival: IncomingDocument, spec: AnswerSpec, signer: str) -> None:
    """An approval, a review or a plan was saved: its answer, for the package that asked.

    `signer` is whose signature the commit bears that brought it, where git did.
    """
    word = "held" if spec.answer is None else str(spec.answer)
    if arrival.kind is not Kind.PLAN:
        _notice(db, arrival, answer_reason(db, arrival, spec))
    put_answer(
        db,
        WrittenAnswer(
            path=arrival.path, answer=word, comment=spec.comment, scope=spec.scope, granted=spec.grant,
            request=spec.request, status=spec.status, written=spec.written, sha=arrival.sha, body=spec.body,
            from_git=arrival.from_git, lookalike_reason=lookalike_reason(arrival.document), signer=signer,
            on_terminal=announced_on_terminal(db, arrival.path, arrival.sha),
        ),
    )  # fmt: skip
