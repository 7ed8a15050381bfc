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


def ingest_message(db: Database, incoming: IncomingDocument, quiet: float) -> None:
    """A message file was saved."""
    spec = incoming.decoded.of(MessageSpec)
    row = find_message(db, incoming.path)
    if row is not None and row.stage is MessageStage.DAEMON:
        _ingest_inline_answer(db, incoming, row, quiet)
        _report_misplaced(db, incoming, message_reason(db, incoming, row) or sender_reason(incoming, spec.sender))
    elif row is None or row.stage in (MessageStage.NEW, MessageStage.UNSENT):
        message = _message_row(db, incoming, spec, quiet, seen=row.seen if row else 0)
        db.put(message)
        _report_misplaced(db, incoming, sender_reason(incoming, spec.sender))
        if message.run != incoming.decoded.cowork.run:
            _write_receipt(db, message)
    elif spec.resend and not _was_resend_set(incoming):
        message = _message_row(db, incoming, spec, quiet, seen=0)
        db.put(dataclasses.replace(message, stage=_first_stage(incoming, spec), run=""))
    elif row.stage is MessageStage.DELIVERED:
        _handle_later_save(db, incoming, row)


def _report_misplaced(db: Database, incoming: IncomingDocument, reason: str) -> None:
    """Show the problem until the file is saved again without cause for it."""
    if reason:
        put_problem(db, Problem(path=incoming.path, line=0, message=reason), "misplaced", incoming.now)


def _was_resend_set(incoming: IncomingDocument) -> bool:
    return incoming.base is not None and incoming.base.of(MessageSpec).resend


def _handle_later_save(db: Database, incoming: IncomingDocument, row: MessageRow) -> None:
    """A delivered message keeps its receipt, whatever buffer it is saved from, and says that edits are not sent."""
    if incoming.decoded.cowork.run != row.run:
        _write_receipt(db, row)
    if incoming.decoded.of(MessageSpec).body.strip() != row.body.strip():
        text = "it was delivered before this edit; write a new message, or `resend: true` in this one"
        put_problem(db, Problem(path=row.path, line=0, message=text), "notice", incoming.now, row.task)


def _write_receipt(db: Database, row: MessageRow) -> None:
    known = find_document(db, row.path)
    assert known is not None, "a message that arrives has been remembered before"
    changes: dict[tuple[str, ...], Value] = {
        ("cowork", "id"): PurePosixPath(row.path).stem, ("cowork", "run"): row.run,
        ("cowork", "rev"): str(max(known.rev, 0) + 1),
    }  # fmt: skip
    data = edit(known.target_bytes, changes)
    db.set(DocumentRow, row.path, target_bytes=data, target_sha=digest(data))


def _message_row(db: Database, incoming: IncomingDocument, spec: MessageSpec, quiet: float, seen: int) -> MessageRow:
    run = incoming.decoded.cowork.run or _recorded_receipt(db, incoming.path, spec)
    stage = MessageStage.DELIVERED if run else _first_stage(incoming, spec)
    note = "it came by git; save it here, or send it with `coworkd reply`" if stage is MessageStage.UNSENT else ""
    return MessageRow(
        path=incoming.path, task=_task_of(incoming.path), sender=spec.sender, kind=spec.kind, stage=stage,
        seen=seen or next_seen(db), due=NEVER if spec.draft or not spec.body.strip() else incoming.changed_at + quiet,
        run=run, reply_to=spec.reply_to, body=spec.body, note=note,
    )  # fmt: skip


def _recorded_receipt(db: Database, path: str, spec: MessageSpec) -> str:
    """The run that received this text, as far as only its record shows it: the file has no receipt for it."""
    return receipt_run(db, path, digest(spec.body.encode()))


def _first_stage(incoming: IncomingDocument, spec: MessageSpec) -> MessageStage:
    """Where a message without a receipt begins."""
    if spec.sender and spec.sender != "user":
        return MessageStage.DAEMON
    return MessageStage.UNSENT if incoming.from_git else MessageStage.NEW


def _ingest_inline_answer(db: Database, incoming: IncomingDocument, row: MessageRow, quiet: float) -> None:
    """Text under `## Answer` in a question is an answer to it."""
    path = incoming.path + ANSWER
    known = find_message(db, path)
    text = "" if incoming.from_git or row.kind is not MessageKind.QUESTION else answer_section(incoming.document.body)
    if known is not None and known.stage is not MessageStage.NEW:
        return
    if not text:
        remove_message(db, path)
        return
    db.put(
        MessageRow(
            path=path, task=row.task, sender="", kind=MessageKind.REPLY, stage=MessageStage.NEW,
            seen=known.seen if known else next_seen(db), due=incoming.changed_at + quiet, run="",
            reply_to=PurePosixPath(incoming.path).stem, body=text, note="",
        )
    )  # fmt: skip


def _task_of(path: str) -> str:
    return PurePosixPath(path).parent.name


def ingest_answer(db: Database, incoming: IncomingDocument, spec: AnswerSpec, signer: str) -> None:
    """An approval, a review or a plan was saved: its answer, for the package that asked.

    `signer` is whose signature the commit bears that brought it, where git did.
    """
    word = "held" if spec.answer is None else str(spec.answer)
    if incoming.kind is not Kind.PLAN:
        _report_misplaced(db, incoming, answer_reason(db, incoming, spec))
    put_answer(
        db,
        WrittenAnswer(
            path=incoming.path, answer=word, comment=spec.comment, scope=spec.scope, granted=spec.grant,
            request=spec.request, status=spec.status, written=spec.written, sha=incoming.sha, body=spec.body,
            from_git=incoming.from_git, lookalike_reason=lookalike_reason(incoming.document), signer=signer,
            on_terminal=announced_on_terminal(db, incoming.path, incoming.sha), choose=spec.choose,
        ),
    )  # fmt: skip
