"""The events of a run on disk: JSON lines that one worker appends and the daemon reads by byte offset.

A line counts once its end is there. Each start of a run closes with one `Ended`; what follows belongs to the next
start.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from coworkd.agents.json_codec import decode_event, encode_event
from coworkd.agents.port import AgentEvent, Ended

EVENTS_FILE = "events.jsonl"

_logger = logging.getLogger(__name__)
_READ_SIZE = 1024 * 1024
_MAX_END_SIZE = 64 * 1024
"""Bytes from the end of a log in which the whole line of an `Ended` lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """An event and the offset behind its line: what is read from there on is new."""

    offset: int
    event: AgentEvent


class EventWriter:
    """Appends events; each has been passed to the kernel when `append` returns."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        _end_torn_line(self._fd)

    def append(self, event: AgentEvent) -> None:
        content = memoryview(encode_event(event))
        while content:
            content = content[os.write(self._fd, content) :]

    def finish(self, ended: Ended) -> None:
        """Append the last event, and sync it to the disk."""
        self.append(ended)
        os.fsync(self._fd)
        os.close(self._fd)


def ensure_exists(path: Path) -> tuple[int, int]:
    """Create the file where there is none yet, so that its loss can be noticed; its inode, and its size in bytes."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        found = os.fstat(fd)
    finally:
        os.close(fd)
    return found.st_ino, found.st_size


def read(path: Path, offset: int) -> tuple[list[LoggedEvent], int]:
    """Complete lines from `offset` on, about 1 MB at once; the events, and the offset where the next read starts."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read(_READ_SIZE)
            while b"\n" not in content and (more := file.read(_READ_SIZE)):
                content += more
    except FileNotFoundError:
        return [], offset
    found: list[LoggedEvent] = []
    for line in content[: content.rfind(b"\n") + 1].splitlines(keepends=True):
        offset += len(line)
        event = decode_event(line)
        if event is not None:
            found.append(LoggedEvent(offset=offset, event=event))
        elif line.strip():
            _logger.warning("%s: an unknown event is ignored: %.200r", path, line)
    return found, offset


def size(path: Path) -> int:
    """Size of the file in bytes; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def ensure_ended(path: Path, offset: int, ended: Ended) -> bool:
    """Write `ended` for a worker that did not; False when the file has an end after `offset` already."""
    start = max(offset, size(path) - _MAX_END_SIZE)
    logged = _last_line(path, start)
    if logged and isinstance(decode_event(logged), Ended):
        return False
    EventWriter(path).finish(ended)
    return True


def _last_line(path: Path, start: int) -> bytes:
    """The last complete line that ends after `start`; empty for none."""
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(start)
        return file.read().rpartition(b"\n")[0].rpartition(b"\n")[2]


def _end_torn_line(fd: int) -> None:
    """A worker that was killed in the middle of a line must not spoil the next one."""
    end = os.fstat(fd).st_size
    if end and os.pread(fd, 1, end - 1) != b"\n":
        os.write(fd, b"\n")
