"""Text that a person wrote into a document of the daemon's, where nothing reads it."""

from __future__ import annotations

import re
from contextlib import suppress

from coworkd.core.errors import DocumentError
from coworkd.core.model import Answer, AnswerSpec, Kind, MessageKind
from coworkd.documents.decoding import answer_section, stem
from coworkd.documents.markdown import parse
from coworkd.documents.typos import suggestion
from coworkd.store import Database, MessageRow
from coworkd.store.notices import daemon_versions
from coworkd.store.tasks import task_ids
from coworkd.sync.ingest.incoming_document import IncomingDocument

_BOX = re.compile(r"^(\s*[-*+]\s+\[)[ xX](\])", re.MULTILINE)


def message_reason(db: Database, incoming: IncomingDocument, row: MessageRow) -> str:
    """Why nothing was sent of what was written into an agent's message; empty when nothing was, or it is an answer."""
    if not _is_changed(db, incoming):
        return ""
    if row.kind is not MessageKind.QUESTION:
        return f"what is written into an agent's message is not sent; write a new file in messages/{row.task}/"
    if answer_section(incoming.document.body):
        return ""
    return "what was written here is not under `## Answer`, so it is not sent; move it below that heading"


def sender_reason(incoming: IncomingDocument, sender: str) -> str:
    """Why a message that says whom it is from is not sent; empty for those that agents sent."""
    if not sender or sender == "user" or incoming.decoded.cowork.run or incoming.from_git:
        return ""
    return f"a message with `from: {sender}` counts as an agent's and is not sent; remove `from`"


def answer_reason(db: Database, incoming: IncomingDocument, spec: AnswerSpec) -> str:
    """Why an answer, or what looks like one, has no effect in a review or an approval; empty when it may have one."""
    if _is_earlier(incoming.path):
        if incoming.base is None:
            return ""  # The database was lost: what stands here was answered, and used, when it was asked.
        before = incoming.base.of(AnswerSpec).answer
        task = incoming.path.split("/")[1].removesuffix(".d")
        changed = spec.answer is not before and spec.answer is not Answer.PENDING
        return f"this is the review of an earlier submission; answer in reviews/{task}.md" if changed else ""
    if spec.answer is not Answer.PENDING:
        return _unasked_reason(db, incoming, spec)
    if not _is_changed(db, incoming):
        return ""
    if _only_boxes(db, incoming):
        return "ticking a box here has no effect; answer with `approval: approved`, `changes` or `rejected`"
    if incoming.kind is Kind.REVIEW:
        return "text in the body is read together with `approval: changes`; set that, or use `comment:`"
    return "text in the body is not read; answer with `approval:`, and use `comment:`"


def _unasked_reason(db: Database, incoming: IncomingDocument, spec: AnswerSpec) -> str:
    """Why an answer in a file that a person made is none: what is asked stands in a file of the daemon's."""
    if incoming.from_git or spec.request or daemon_versions(db, incoming.path):
        return ""
    if incoming.kind is Kind.REVIEW:
        name = stem(incoming.path)
        if name in (tasks := task_ids(db)):
            return "nothing is asked in this file yet; answer when coworkd has written the review here"
        return f"this answers nothing: there is no task `{name}`, so there is no review of it{suggestion(name, tasks)}"
    return "this answers nothing: coworkd did not write this file; `coworkd status` shows the files that ask"


def _is_earlier(path: str) -> bool:
    return path.startswith("reviews/") and path.count("/") == 2


def _is_changed(db: Database, incoming: IncomingDocument) -> bool:
    """Whether the body is none that the daemon wrote."""
    ours = _bodies(db, incoming.path)
    return bool(ours) and not incoming.from_git and _words(incoming.document.body) not in map(_words, ours)


def _only_boxes(db: Database, incoming: IncomingDocument) -> bool:
    here = _without_boxes(incoming.document.body)
    return any(_without_boxes(body) == here for body in _bodies(db, incoming.path))


def _words(body: str) -> list[str]:
    return body.split()


def _without_boxes(body: str) -> list[str]:
    return _BOX.sub(r"\1\2", body).split()


def _bodies(db: Database, path: str) -> list[str]:
    """The bodies that the daemon wrote into a document, the latest first."""
    bodies: list[str] = []
    for data in daemon_versions(db, path):
        with suppress(DocumentError):
            bodies.append(parse(data).body)
    return bodies
