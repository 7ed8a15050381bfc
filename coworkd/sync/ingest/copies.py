"""Files that are held because they are copies of others.

What a tool leaves beside a file must not run, be delivered or count as an answer: it is shown, with what to do.
"""

from __future__ import annotations

from coworkd.core.copy_names import CopyKind, CopyName, copy_name
from coworkd.core.errors import DocumentError
from coworkd.core.model import Kind
from coworkd.documents.decoding import kind_of
from coworkd.store import Database
from coworkd.store.documents import has_version, is_document
from coworkd.sync.disk.folder import Content
from coworkd.sync.disk.ports import Files
from coworkd.sync.effective_specs import decode_bytes
from coworkd.sync.ingest.batch_context import ParsedFile

_LEFT_BY = {
    CopyKind.SYNC: "a tool that synchronises files left it there, because both sides had changed",
    CopyKind.MERGE: "a merge tool left it there",
    CopyKind.BACKUP: "an editor or a merge tool left the earlier version there",
    CopyKind.LOCK: "an office program has it open, or left it there",
}


class CopyDetector:
    """Recognises copies among files that are seen for the first time; used by the writer thread alone."""

    def __init__(self, db: Database, folder: Files) -> None:
        self._db = db
        self._folder = folder

    def name_reason(self, path: str) -> str:
        """Why a file is held for its name alone; empty when it is not."""
        copy = copy_name(path.rpartition("/")[2])
        if copy is None or not copy.is_certain or is_document(self._db, path):
            return ""
        return left_reason(copy)

    def content_reason(self, parsed: ParsedFile) -> str:
        """Why a task is held for a name that a person may give as well: its id or its text is that of another one."""
        content = parsed.content
        if content.kind is not Kind.TASK or parsed.decoded is None:
            return ""
        copy = copy_name(content.path.rpartition("/")[2])
        if copy is None or copy.is_certain:
            return ""
        original = _beside(content.path, copy.original)
        original_content = self._folder.read(original) if kind_of(original) is Kind.TASK else None
        if not isinstance(original_content, Content):
            return ""
        if original_content.sha == content.sha or has_version(self._db, original, content.sha):
            return f"is a copy of {original}, so it is not run; change its text, or delete it"
        if parsed.decoded.cowork.id and parsed.decoded.cowork.id == _written_id(original, original_content.data):
            return f"is a copy of {original}, so it is not run; remove its `cowork:` map, or delete it"
        return ""


def left_reason(copy: CopyName) -> str:
    """What to do about a file that a tool left under this name."""
    return (
        f"is a copy of {copy.original} and does nothing: {_LEFT_BY[copy.kind]}; take what you need of it over into"
        f" {copy.original}, then delete it, or give it a name of its own"
    )


def _beside(path: str, name: str) -> str:
    folder, slash, _ = path.rpartition("/")
    return f"{folder}{slash}{name}"


def _written_id(path: str, data: bytes) -> str:
    try:
        return decode_bytes(path, data).cowork.id
    except DocumentError:
        return ""
