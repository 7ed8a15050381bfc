"""The bytes of one file as they were read, on their way into the database."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.model import Kind
from coworkd.sync.disk.folder import digest

ContentKey = tuple[str, str]
"""Path and hash of bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """The bytes of one file, last saved at `saved`."""

    path: str
    kind: Kind
    data: bytes
    saved: float
    sha: str

    @classmethod
    def of(cls, path: str, kind: Kind, data: bytes, saved: float) -> FileContent:
        return cls(path=path, kind=kind, data=data, saved=saved, sha=digest(data))

    @property
    def key(self) -> ContentKey:
        return (self.path, self.sha)
