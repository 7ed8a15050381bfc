"""A file that has been read and parsed, on its way into the database."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.model import Kind
from coworkd.documents.decoding import Decoded
from coworkd.documents.markdown import Document, normalise_key
from coworkd.store import Database, DocumentRow
from coworkd.store.versions import StoredVersion, add_version, forget_old_versions, stored_versions
from coworkd.sync.merging.three_way import NO_MAP, BaseVersion, DocumentVersion

DAEMON_KEYS = frozenset({"cowork", "status", "approval"})
"""Keys merged by rules of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingDocument:
    """The content of one file, with all that is needed to decide what follows from it."""

    path: str
    kind: Kind
    data: bytes
    sha: str
    document: Document
    decoded: Decoded
    from_git: bool
    signer: str
    """Whose signature counts for bytes that came by git; empty for none."""
    known: DocumentRow | None
    base: Decoded | None
    """What its author started from; None at first sight or for an unknown revision."""
    unknown_rev: bool
    replaces_deleted: bool
    """It has the path of a deleted file, and does not refer to that one."""
    clashes: frozenset[str]
    """What was changed on both sides and could not be merged: the file's version stands."""
    target_bytes: bytes
    """What the file should hold: its bytes with what they lack of the other side."""
    merged: Decoded
    """`target_bytes`, decoded: what counts from now on, but for status and answer, which are compared with `base`."""
    changed_at: float
    body_changed_at: float
    now: float

    @property
    def latest_revision(self) -> int:
        """The highest revision known of the document: the file's own, or the database's."""
        return max(revision(self.decoded), self.known.rev if self.known else NO_MAP)

    @property
    def has_body(self) -> bool:
        return bool(self.document.body.strip())


def version(document: Document, decoded: Decoded) -> DocumentVersion:
    """The part of a document that is merged field by field: what people own, known keys or not."""
    known = {normalise_key(key) for key in decoded.keys.values()}
    unknown = {normalise_key(e.key): e.value for e in document.entries if normalise_key(e.key) not in known}
    fields = {**unknown, **decoded.fields}
    return DocumentVersion(fields={k: v for k, v in fields.items() if k not in DAEMON_KEYS}, body=document.body)


def revision(decoded: Decoded) -> int:
    return NO_MAP if decoded.cowork.rev is None else decoded.cowork.rev


def kept_bases(db: Database, path: str) -> list[BaseVersion]:
    """The remembered versions of a file, latest first."""
    return [BaseVersion(rev=one.rev, by_user=one.by_user, data=one.data) for one in stored_versions(db, path)]


def keep_base(db: Database, path: str, base: BaseVersion, sha: str, at: float) -> None:
    """Remember bytes as the latest of their kind for this revision; what they take the place of stays reachable."""
    add_version(db, path, StoredVersion(rev=base.rev, by_user=base.by_user, data=base.data), sha, at)


def forget_bases(db: Database, path: str) -> None:
    """Let go of the oldest versions of a file that has many."""
    forget_old_versions(db, path)
