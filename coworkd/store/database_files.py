"""The files of an open database: whether another program has put something else in their place.

SQLite opens them once. What it has in memory hides for long that they were removed, replaced, or written over in place,
as `cp` does with a copy. Its log and the index of that never get smaller while they are in use, so one that did was
written over.

No file of it is opened and closed here while SQLite has it open: a process that closes any descriptor of a file loses
the locks that it has on that file (fcntl(2)), and the next program that opens the database would take itself for the
only one and delete the log.

The index is mapped into memory, and the kernel ends a process that reads a mapped file beyond its end. So an index
that was cut is filled up with zeros as soon as that is seen: SQLite takes zeros for an index that it has to make again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

_HEADER = b"SQLite format 3\0"
_LOG, _INDEX = "-wal", "-shm"


@dataclass(frozen=True, slots=True)
class _FileState:
    device: int
    inode: int
    size: int

    def follows(self, before: _FileState) -> bool:
        return (self.device, self.inode) == (before.device, before.inode) and self.size >= before.size


class DatabaseFiles:
    """What one connection has opened."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: dict[str, _FileState] = {}
        self._descriptor = _opened(path)
        self.were_replaced()

    def were_replaced(self) -> bool:
        """Whether a file is gone, another one, or written over since the last call."""
        found = {name: state for name in ("", _LOG, _INDEX) if (state := _state(self._path + name)) is not None}
        replaced = [name for name, before in self._seen.items() if name not in found or not found[name].follows(before)]
        if _INDEX in replaced and _INDEX in found:
            self._fill_up_index(found[_INDEX])
        self._seen |= {name: state for name, state in found.items() if name not in replaced}
        return bool(replaced) or not self._is_database()

    def close(self) -> None:
        """Call it after the connection is closed."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _is_database(self) -> bool:
        """Whether the file begins as one of SQLite does."""
        try:
            return self._descriptor is None or os.pread(self._descriptor, len(_HEADER), 0) == _HEADER
        except OSError:
            return True  # an error of the disk says nothing about another program

    def _fill_up_index(self, found: _FileState) -> None:
        with suppress(OSError):
            if found.size < self._seen[_INDEX].size:
                os.truncate(self._path + _INDEX, self._seen[_INDEX].size)


def _state(path: str) -> _FileState | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return _FileState(found.st_dev, found.st_ino, found.st_size)


def _opened(path: str) -> int | None:
    """A descriptor of the file; None where there is none, or too many files are open."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
