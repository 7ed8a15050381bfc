"""Files of the workspace that an earlier import wrote, wherever they are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.errors import DocumentError
from coworkd.documents.markdown import parse
from coworkd.interchange.rendering import ImportedFile


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """A file that came in before."""

    path: str
    """Relative to `.cowork/`."""
    digest: str
    """Of what the import wrote."""
    data: bytes


class ImportedBefore:
    """The files of a workspace that say `imported`, by their source and id."""

    def __init__(self, files: Mapping[tuple[str, str], KnownFile]) -> None:
        self._files = files

    @classmethod
    def read(cls, folder: Path) -> ImportedBefore:
        """Read `tasks/` and `plans/` of the folder of a workspace."""
        found: dict[tuple[str, str], KnownFile] = {}
        for path in sorted([*folder.glob("tasks/**/*.md"), *folder.glob("plans/**/*.md")]):
            data = path.read_bytes()
            if (origin := _origin(data)) is not None:
                source, key, digest = origin
                name = path.relative_to(folder).as_posix()
                found.setdefault((source, key), KnownFile(path=name, digest=digest, data=data))
        return cls(found)

    def find(self, file: ImportedFile) -> KnownFile | None:
        """The file that came in for the same item."""
        return self._files.get((file.source, file.key))


def _origin(data: bytes) -> tuple[str, str, str] | None:
    """Source, id and digest, as a file that came in says them."""
    if b"imported" not in data:
        return None
    try:
        imported = parse(data).get("imported")
    except DocumentError:
        return None
    if not isinstance(imported, dict):
        return None
    source, key, digest = (imported.get(name) for name in ("from", "id", "hash"))
    if isinstance(source, str) and isinstance(key, str) and isinstance(digest, str):
        return source, key, digest
    return None


def with_own_part(new: bytes, old: bytes) -> bytes:
    """The new text with `cowork:` of the old, which is coworkd's own and no part of an import."""
    own = _own_lines(old)
    opening, header, rest = new.partition(b"\n---\n")
    return opening + b"\n" + own.rstrip(b"\n") + header + rest if own else new


def _own_lines(data: bytes) -> bytes:
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    if b"cowork:" not in lines:
        return b""
    start = lines.index(b"cowork:")
    end = next(at for at in range(start + 1, len(lines)) if not lines[at].startswith(b" "))
    return b"\n".join(lines[start:end]) + b"\n"
