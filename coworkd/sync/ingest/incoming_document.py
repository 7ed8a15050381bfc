"""A file that has been read and understood, on its way into the database."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.model import Kind
from coworkd.documents.decoding import Decoded
from coworkd.documents.markdown import Document, normalise_key
from coworkd.store import Database, DocumentRow
from coworkd.sync.merging.three_way import NO_MAP, BaseVersion, DocumentVersion

DAEMON_KEYS = frozenset({"cowork", "status", "approval"})
"""Keys merged by rules of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingDocument:
    """One reading of one file, with all that is needed to decide what it means."""

    path: str
    kind: Kind
    data: bytes
    sha: str
    document: Document
    decoded: Decoded
    from_git: bool
    known: DocumentRow | None
    base: Decoded | None
    """What its author started from; None at first sight or for a revision nobody knows."""
    unknown_rev: bool
    replaces_deleted: bool
    """It stands where another file was deleted, and says nothing of that one."""
    clashes: frozenset[str]
    """What was changed on both sides and could not be merged: the file's version stands."""
    target_bytes: bytes
    """What the file should hold: its bytes with what they lack of the other side."""
    merged: Decoded
    """`want`, decoded: what counts from now on, but for the words that are compared with `base`."""
    changed_at: float
    body_changed_at: float
    now: float

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
    rows = db.query("SELECT rev, who, bytes FROM bases WHERE path = ? ORDER BY at DESC, rowid DESC", path)
    return [BaseVersion(rev=row["rev"], by_user=row["who"] == "person", data=row["bytes"]) for row in rows]


MAX_BASES = 40
"""How many versions of a file are remembered."""


def keep_base(db: Database, path: str, base: BaseVersion, sha: str, at: float) -> None:
    """Remember bytes as the latest of their kind for this revision; what they take the place of stays reachable."""
    db.insert_batched(
        "INSERT OR REPLACE INTO bases (path, rev, who, sha, bytes, at) VALUES (?, ?, ?, ?, ?, ?)",
        path, base.rev, "person" if base.by_user else "daemon", sha, base.data, at,
    )  # fmt: skip


def forget_bases(db: Database, path: str) -> None:
    """Let go of the oldest versions of a file that has many."""
    db.execute(
        "DELETE FROM bases WHERE path = ? AND at < (SELECT at FROM bases WHERE path = ? ORDER BY at DESC"
        " LIMIT 1 OFFSET ?)",
        path, path, MAX_BASES,
    )  # fmt: skip
