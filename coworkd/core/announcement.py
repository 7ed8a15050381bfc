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
    on_terminal: bool
    """A person gave the command on a terminal."""

    def text(self) -> str:
        return json.dumps([self.path, self.sha, self.on_terminal])

    @classmethod
    def read(cls, text: str) -> Announcement | None:
        """The inverse of `text`; None for anything else."""
        try:
            path, sha, on_terminal = json.loads(text)
        except (ValueError, TypeError):
            return None
        return cls(path=str(path), sha=str(sha), on_terminal=on_terminal is True)
