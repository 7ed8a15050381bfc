"""Queries about the bytes of files that were typed here or trusted, and about what waits for trust."""

from __future__ import annotations

from coworkd.core.model import Kind
from coworkd.store.database import Database
from coworkd.store.rows import DocumentRow

_EXECUTABLE_KINDS = (Kind.CONFIG, Kind.AGENT, Kind.TASK)
"""Documents of these kinds may make something run here."""

_MAY_RUN = (
    "kind IN (?, ?, ?) AND want_sha != '' AND file_sha != '' AND {which} AND NOT EXISTS"
    " (SELECT 1 FROM tasks t WHERE t.path = documents.path AND t.elsewhere) ORDER BY path"
)
_WAITING = (
    "(kind != ? OR pulled) AND NOT EXISTS"
    " (SELECT 1 FROM trusted t WHERE t.path = documents.path AND t.sha = documents.want_sha)"
)


def documents_that_may_run(db: Database) -> list[DocumentRow]:
    """Settings, agents and tasks: whatever may make something run here."""
    return db.all(DocumentRow, _MAY_RUN.format(which="1"), *_EXECUTABLE_KINDS)


def documents_awaiting_trust(db: Database) -> list[DocumentRow]:
    """The documents that may run something and whose present bytes are not trusted."""
    return db.all(DocumentRow, _MAY_RUN.format(which=_WAITING), *_EXECUTABLE_KINDS, Kind.TASK)


def awaiting_trust(db: Database) -> dict[str, float]:
    """Settings and agents whose present bytes came by git and are not trusted: their paths, and since when."""
    rows = db.query(
        "SELECT d.path, d.changed_at FROM documents d LEFT JOIN trusted t ON t.path = d.path"
        " WHERE d.kind IN (?, ?) AND d.pulled AND d.file_sha != ''"
        " AND (t.sha IS NULL OR t.sha != d.want_sha) ORDER BY d.path",
        Kind.CONFIG, Kind.AGENT,
    )  # fmt: skip
    return {row["path"]: row["changed_at"] for row in rows}


def trusted_bytes(db: Database, path: str) -> bytes | None:
    """The last bytes of this document that were typed here or trusted."""
    return db.scalar("SELECT bytes FROM trusted WHERE path = ?", path)


def put_trusted(db: Database, path: str, sha: str, data: bytes, now: float) -> None:
    """From now on these bytes count."""
    db.insert_batched("INSERT OR REPLACE INTO trusted (path, sha, bytes, at) VALUES (?, ?, ?, ?)", path, sha, data, now)


def remove_trusted(db: Database, path: str) -> None:
    """The file was deleted: trust in a later file at this path is decided again."""
    db.execute("DELETE FROM trusted WHERE path = ?", path)
