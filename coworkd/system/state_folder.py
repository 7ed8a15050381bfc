"""The folder outside the repository in which runs work: whether it is still the one that they were started in."""

from __future__ import annotations

import os
from pathlib import Path


class StateFolder:
    """Remembers a folder by its inode; used by one thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known = _identity(path)

    def was_removed(self) -> bool:
        """Whether the folder has gone since the last call, also where another has come into its place. Told once."""
        before, self._known = self._known, _identity(self.path)
        return before is not None and before != self._known


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found.st_dev, found.st_ino
