"""What the database and git know about files that are about to be taken in, asked for all of them at once.

A question for each file costs more than everything else that is done with one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from coworkd.core.model import Kind
from coworkd.core.task_ids import task_id
from coworkd.documents.decoding import Decoded, stem
from coworkd.documents.markdown import Document
from coworkd.store import Database, DocumentRow
from coworkd.store.documents import documents_at, foreign_documents, paths_with_remarks
from coworkd.store.own_bytes import ANYWHERE, own_paths
from coworkd.store.tasks import task_paths_by_id
from coworkd.sync.file_content import ContentKey, FileContent
from coworkd.sync.git_questions import ContentOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """A reading that makes sense; `decoded` is None for a note, which is listed and never acted on."""

    content: FileContent
    document: Document
    decoded: Decoded | None


@dataclass(slots=True, kw_only=True)
class BatchContext:
    """Facts that hold when a batch begins; code that changes one of them during the batch updates it here."""

    known: dict[str, DocumentRow]
    """Every document there is at one of the paths."""
    with_remarks: frozenset[str]
    """The paths that a problem or a note stands for."""
    holders: dict[str, str]
    """The path of the task that has an id, for the ids that the files ask for."""
    own: set[ContentKey]
    """Bytes that were typed or written here, moved files at their new path included."""
    origins: Mapping[ContentKey, ContentOrigin]
    """Where the others came from, as git says."""
    same_from_git: dict[str, tuple[str, ...]]
    """Where there are documents that came by git with the bytes of a new file, by hash."""

    def is_own(self, reading: FileContent) -> bool:
        """Whether these bytes were typed or written at this path, or at the one that the file was moved from."""
        return reading.key in self.own

    def is_from_git(self, reading: FileContent) -> bool:
        """Whether git brought bytes that are not own; where that is not known, they do not count as typed here."""
        origin = self.origins.get(reading.key)
        return origin is None or origin.from_git

    def signer(self, reading: FileContent) -> str:
        """Whose signature counts for these bytes; empty for none."""
        origin = self.origins.get(reading.key)
        return origin.signer if origin is not None else ""


def load_context(
    db: Database,
    batch: Sequence[ParsedFile],
    own: AbstractSet[ContentKey],
    origins: Mapping[ContentKey, ContentOrigin],
) -> BatchContext:
    """Everything that taking in this batch will ask; `own` and `origins` say where each file's bytes came from."""
    paths = [one.content.path for one in batch]
    new = {one.content.sha for one in batch if one.decoded and one.content.key not in own}
    return BatchContext(
        known=documents_at(db, paths),
        with_remarks=paths_with_remarks(db, paths),
        holders=_holders(db, batch),
        own=set(own),
        origins=origins,
        same_from_git=_foreign(db, new),
    )


def own_contents(
    db: Database, readings: Sequence[FileContent], is_there: Callable[[str], bool]
) -> frozenset[ContentKey]:
    """What was typed or written at its path. Elsewhere the same text may come by git, unless the file was moved.

    `is_there` answers whether a path has a file now.
    """
    typed = own_paths(db, {reading.sha for reading in readings})
    return frozenset(
        reading.key
        for reading in readings
        if reading.path in (paths := typed.get(reading.sha, ()))
        or any(path == ANYWHERE or not is_there(path) for path in paths)
    )


def _foreign(db: Database, shas: Collection[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for path, sha in foreign_documents(db, shas):
        found[sha] = (*found.get(sha, ()), path)
    return found


def _holders(db: Database, batch: Sequence[ParsedFile]) -> dict[str, str]:
    ids = {asked_id(one.decoded) for one in batch if one.decoded and one.decoded.kind is Kind.TASK}
    return task_paths_by_id(db, ids)


def asked_id(made: Decoded) -> str:
    """The id that a task's file asks for."""
    return made.cowork.id or task_id(stem(made.path))
