"""What a command tells the daemon of a file before it writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Bytes that a command is about to write."""

    path: str
    """Relative to `.cowork/`."""
    sha: str
    tty: bool
    """A person gave the command on a terminal."""

    def text(self) -> str:
        return json.dumps([self.path, self.sha, self.tty])

    @classmethod
    def read(cls, text: str) -> Announcement | None:
        """The inverse of `text`; None for anything else."""
        try:
            path, sha, tty = json.loads(text)
        except (ValueError, TypeError):
            return None
        return cls(path=str(path), sha=str(sha), tty=tty is True)
