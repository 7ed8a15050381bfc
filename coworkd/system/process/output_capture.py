"""Bounded keeping of unbounded output: the beginning and the end stay, the cut between them is marked.

Standard library only: the supervisor of every process loads this file.
"""

from __future__ import annotations

from collections import deque

TAIL = 64 * 1024
"""Bytes of the end that stay in memory."""


class Capture:
    """Takes all output of one stream and keeps at most `limit` bytes of it in the file at `path`.

    The first half of the limit is written as it comes, so that the file can be watched; the last half on `close`.
    Without a path only the tail is kept.
    """

    def __init__(self, limit: int, path: str = "") -> None:
        self._limit = limit
        self._head_room = limit - limit // 2 if path else 0
        self._ring: deque[bytes] = deque()
        self._ring_size = 0
        self._last = b""
        self._file = open(path, "wb", buffering=0) if path else None  # noqa: SIM115 - closed by close()
        self.total = 0

    @property
    def truncated(self) -> bool:
        return self.total > self._limit

    def feed(self, chunk: bytes) -> None:
        self.total += len(chunk)
        self._last = (self._last + chunk)[-TAIL:]
        if self._file is None:
            return
        if self._head_room:
            head, chunk = chunk[: self._head_room], chunk[self._head_room :]
            self._head_room -= len(head)
            self._file.write(head)
        self._keep(chunk)

    def tail(self, size: int = TAIL) -> str:
        """The last `size` bytes of what is kept, as text; what is not UTF-8 is replaced."""
        size = min(size, self._limit, len(self._last))
        return self._last[len(self._last) - size :].decode("utf-8", "replace")

    def close(self) -> None:
        """Write the end of the file. Does nothing the second time."""
        if self._file is None:
            return
        if dropped := self._trim_exactly():
            self._file.write(f"\n[... {dropped} bytes cut ...]\n".encode())
        for chunk in self._ring:
            self._file.write(chunk)
        self._file.close()
        self._file = None
        self._ring.clear()

    def _keep(self, chunk: bytes) -> None:
        """Add to the ring and let go of whole chunks from its front that are surely past the limit."""
        if not chunk:
            return
        self._ring.append(chunk)
        self._ring_size += len(chunk)
        while self._ring and self._ring_size - len(self._ring[0]) >= self._limit // 2:
            self._ring_size -= len(self._ring.popleft())

    def _trim_exactly(self) -> int:
        """Cut the ring to its limit; the number of bytes that are lost between head and tail."""
        excess = self._ring_size - self._limit // 2
        if excess > 0:
            self._ring[0] = self._ring[0][excess:]
            self._ring_size -= excess
        head = self._limit - self._limit // 2 - self._head_room
        return self.total - head - self._ring_size
