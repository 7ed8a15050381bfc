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
    """A file that could be parsed; `decoded` is None for a note, which is listed and never acted on."""

    content: FileContent
    document: Document
    decoded: Decoded | None


@dataclass(slots=True, kw_only=True)
class BatchContext:
    """What is known when a batch begins; code that changes some of it during the batch updates it here."""

    known: dict[str, DocumentRow]
    """Every document there is at one of the paths."""
    with_remarks: frozenset[str]
    """The paths that a problem or a note is about."""
    task_paths: dict[str, str]
    """The path of the task that has an id, for the ids that the files request."""
    own: set[ContentKey]
    """Bytes that were typed or written here, moved files at their new path included."""
    origins: Mapping[ContentKey, ContentOrigin]
    """Where the other bytes came from, as git says."""
    same_from_git: dict[str, tuple[str, ...]]
    """Where there are documents that came by git with the bytes of a new file, by hash."""

    def is_own(self, content: FileContent) -> bool:
        """Whether these bytes were typed or written at this path, or at the one that the file was moved from."""
        return content.key in self.own

    def is_from_git(self, content: FileContent) -> bool:
        """Whether git brought bytes that are not own; where that is not known, they do not count as typed here."""
        origin = self.origins.get(content.key)
        return origin is None or origin.from_git

    def signer(self, content: FileContent) -> str:
        """Whose signature counts for these bytes; empty for none."""
        origin = self.origins.get(content.key)
        return origin.signer if origin is not None else ""


def load_context(
    db: Database,
    batch: Sequence[ParsedFile],
    own: AbstractSet[ContentKey],
    origins: Mapping[ContentKey, ContentOrigin],
) -> BatchContext:
    """Read what is needed to take in this batch; `own` and `origins` say where each file's bytes came from."""
    paths = [parsed.content.path for parsed in batch]
    new = {parsed.content.sha for parsed in batch if parsed.decoded and parsed.content.key not in own}
    return BatchContext(
        known=documents_at(db, paths),
        with_remarks=paths_with_remarks(db, paths),
        task_paths=_task_paths(db, batch),
        own=set(own),
        origins=origins,
        same_from_git=_paths_from_git(db, new),
    )


def own_contents(
    db: Database, contents: Sequence[FileContent], is_there: Callable[[str], bool]
) -> frozenset[ContentKey]:
    """Keys of contents that were typed or written at their path; elsewhere the same text may come by git, unless moved.

    `is_there` answers whether a path has a file now.
    """
    typed = own_paths(db, {content.sha for content in contents})
    return frozenset(
        content.key
        for content in contents
        if content.path in (paths := typed.get(content.sha, ()))
        or any(path == ANYWHERE or not is_there(path) for path in paths)
    )


def _paths_from_git(db: Database, shas: Collection[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for path, sha in foreign_documents(db, shas):
        found[sha] = (*found.get(sha, ()), path)
    return found


def _task_paths(db: Database, batch: Sequence[ParsedFile]) -> dict[str, str]:
    ids = {requested_id(parsed.decoded) for parsed in batch if parsed.decoded and parsed.decoded.kind is Kind.TASK}
    return task_paths_by_id(db, ids)


def requested_id(decoded: Decoded) -> str:
    """The id that a task's file requests."""
    return decoded.cowork.id or task_id(stem(decoded.path))
