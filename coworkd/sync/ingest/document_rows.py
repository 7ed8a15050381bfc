"""Storing a document that was taken in: its row, its base version, which bytes are trusted, and its problems."""

from __future__ import annotations

from coworkd.core.errors import DocumentError
from coworkd.core.model import Kind, Problem
from coworkd.core.task_ids import task_id
from coworkd.documents.decoding import kind_of, stem
from coworkd.store import Database, DocumentRow
from coworkd.store.documents import remove_note
from coworkd.store.own_bytes import add_own
from coworkd.store.problems import put_problem, remove_problems, remove_problems_of_file
from coworkd.store.trusted_files import put_trusted
from coworkd.sync.disk.folder import digest
from coworkd.sync.disk.ports import Files
from coworkd.sync.ingest.batch_context import BatchContext
from coworkd.sync.ingest.incoming_document import IncomingDocument, forget_bases, keep_base, revision
from coworkd.sync.merging.three_way import BaseVersion

TRUST_KINDS = frozenset({Kind.CONFIG, Kind.AGENT, Kind.TASK})
"""Kinds that can make something run."""


def store_document(db: Database, folder: Files, incoming: IncomingDocument, context: BatchContext) -> None:
    """Store the document with all that is remembered of it; the caller holds the transaction."""
    base = BaseVersion(rev=revision(incoming.decoded), by_user=True, data=incoming.data)
    keep_base(db, incoming.path, base, incoming.sha, incoming.now)
    if incoming.known is not None:
        forget_bases(db, incoming.path)
    if not incoming.from_git:
        add_own(db, incoming.path, incoming.sha)
        context.own.add((incoming.path, incoming.sha))
    if incoming.kind in TRUST_KINDS and not incoming.from_git:
        ours = incoming.known is None or not incoming.known.from_git
        trust_content(db, incoming.path, incoming.target_bytes if ours else incoming.data, incoming.now)
    target_sha = incoming.sha if incoming.target_bytes == incoming.data else digest(incoming.target_bytes)
    db.put(
        DocumentRow(
            path=incoming.path, kind=incoming.kind, doc=stem(incoming.path), target_bytes=incoming.target_bytes,
            target_sha=target_sha, disk_sha=incoming.sha, rev=incoming.latest_revision,
            changed_at=incoming.changed_at, body_changed_at=incoming.body_changed_at, from_git=incoming.from_git,
            absent_since=None, generated=incoming.known.generated if incoming.known else False,
        )
    )  # fmt: skip
    if incoming.path in context.with_remarks:
        remove_note(db, incoming.path)
        remove_problems_of_file(db, incoming.path, keep="graph")
    _store_problems(db, folder, incoming)


def trust_content(db: Database, path: str, data: bytes, now: float) -> None:
    """From now on these bytes count for what executes or widens something."""
    sha = digest(data)
    add_own(db, path, sha)
    put_trusted(db, path, sha, data, now)
    if kind_of(path) is not Kind.TASK:
        # Tasks that could not run for want of an agent are checked again.
        remove_problems(db, "agent")


def _store_problems(db: Database, folder: Files, incoming: IncomingDocument) -> None:
    problems: list[tuple[str, Problem]] = [(f"key{i}", p) for i, p in enumerate(incoming.decoded.problems)]
    if not incoming.from_git:
        problems += [(f"word{i}", p) for i, p in enumerate(incoming.decoded.notices)]
    if incoming.unknown_rev:
        text = (
            f"`cowork.rev: {revision(incoming.decoded)}` is not a version this coworkd wrote or saw;"
            " `status` and `approval` in it are not acted on. Save the file again as it is now"
        )
        problems.append(("rev", Problem(path=incoming.path, line=0, message=text)))
    other = _keep_other_version(folder, incoming) if incoming.clashes else ""
    for name in sorted(incoming.clashes):
        text = f"`{name}` was changed on both sides; the file's version stands, the other one is in {other}"
        problems.append((f"clash-{name}", Problem(path=incoming.path, line=0, message=text)))
    for source, problem in problems:
        put_problem(db, problem, source, incoming.now)


def _keep_other_version(folder: Files, incoming: IncomingDocument) -> str:
    """Keep the version that lost, before the transaction that replaces it ends; returns where."""
    assert incoming.known is not None, "nothing clashes at first sight"
    name = incoming.decoded.cowork.id or task_id(stem(incoming.path))
    path = f"conflicts/{name}-{incoming.known.target_sha[:8]}.md"
    try:
        folder.publish(path, incoming.known.target_bytes)
    except OSError as error:
        raise DocumentError(f"the other version cannot be kept in {path}: {error.strerror or error}") from error
    return path
