"""Merging a file that was read with what the database wants of it, over the version that its author started from."""

from __future__ import annotations

from collections.abc import Callable

from coworkd.documents.decoding import Decoded
from coworkd.documents.markdown import Document, parse, parse_yaml
from coworkd.store import Database, DocumentRow
from coworkd.sync.effective_specs import CONFIG, decode_bytes
from coworkd.sync.file_content import FileContent
from coworkd.sync.ingest.batch_context import BatchContext, ParsedFile
from coworkd.sync.ingest.incoming_document import IncomingDocument, kept_bases, revision, version
from coworkd.sync.merging.apply_merge import MergedDocument, apply_merge
from coworkd.sync.merging.three_way import NO_MAP, BaseVersion, DocumentVersion, choose_base, plan_merge


def merge_incoming(
    db: Database,
    parsed: ParsedFile,
    decoded: Decoded,
    context: BatchContext,
    is_there: Callable[[str], bool],
    now: float,
) -> IncomingDocument:
    """What the file says, and what it should hold; `is_there` answers whether a path has a file now."""
    content, document = parsed.content, parsed.document
    path, data = content.path, content.data
    known = context.known.get(path)
    rev = revision(decoded)
    # What is written where a file was deleted, and does not refer to that one, is seen for the first time.
    row = known if known and (known.target_sha or rev != NO_MAP) else None
    base = choose_base(rev, kept_bases(db, path)) if row else None
    wanted = _version(path, row.target_bytes) if row else None
    if row:
        plan = plan_merge(version(document, decoded), _version(path, base.data) if base else None, wanted)
        merged = apply_merge(data, decoded, plan)
    else:
        merged = MergedDocument(data=data, decoded=decoded, clashes=frozenset())
    at = now if known else min(content.saved, now)
    same_body = wanted is not None and wanted.body == document.body
    from_git = _is_from_git(content, known, base, context) or _is_moved_from_git(content, known, context, is_there)
    return IncomingDocument(
        path=path, kind=content.kind, data=data, sha=content.sha, document=document, decoded=decoded,
        from_git=from_git, signer=context.signer(content), known=known,
        base=decode_bytes(path, base.data) if base else None,
        unknown_rev=base is None and known is not None and rev != NO_MAP,
        replaces_deleted=known is not None and row is None, clashes=merged.clashes,
        target_bytes=merged.data, merged=merged.decoded, changed_at=at,
        body_changed_at=known.body_changed_at if known and same_body else at, now=now,
    )  # fmt: skip


def _is_from_git(
    content: FileContent, known: DocumentRow | None, base: BaseVersion | None, context: BatchContext
) -> bool:
    """Git is asked only at first sight: bytes that are remembered keep the provenance they had."""
    if context.is_own(content):
        return False
    if base is not None and base.data == content.data:
        # Whatever is saved here becomes own bytes. A remembered save that is not came by git, and still does when it
        # comes back after an edit. What the daemon was about to write is as foreign as the document it wrote into.
        return base.by_user or bool(known and known.from_git)
    return context.is_from_git(content)


def _is_moved_from_git(
    content: FileContent, known: DocumentRow | None, context: BatchContext, is_there: Callable[[str], bool]
) -> bool:
    """A file that came by git and was moved here without git stays foreign: it was not typed here."""
    if known is not None or context.is_own(content):
        return False
    return any(path != content.path and not is_there(path) for path in context.same_from_git.get(content.sha, ()))


def _version(path: str, data: bytes) -> DocumentVersion:
    return version(_parse(path, data), decode_bytes(path, data))


def _parse(path: str, data: bytes) -> Document:
    return parse_yaml(data) if path == CONFIG else parse(data)
