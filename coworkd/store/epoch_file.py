"""The number of decisions beside the database, which tells an older copy of the database from the present one."""

from __future__ import annotations

import os
from pathlib import Path


class EpochFile:
    """A small file with a number."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> int:
        """The number; 0 where there is none that can be read."""
        try:
            return int(self._path.read_bytes()[:20])
        except (OSError, ValueError):
            return 0

    def write(self, number: int) -> None:
        """Replace the file in one step that survives power loss."""
        temporary = self._path.with_name(f".{self._path.name}~")
        with temporary.open("wb") as file:
            file.write(f"{number}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._path)
