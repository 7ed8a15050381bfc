"""Waking a thread that waits on descriptors, from any other thread."""

from __future__ import annotations

import contextlib
import os
import threading


class Wakeup:
    """A pipe to oneself: `fd` becomes readable when `ring` was called. Ringing after `close` does nothing."""

    def __init__(self) -> None:
        self.fd, self._write_end = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write_end, False)
        self._lock = threading.Lock()
        self._closed = False

    def notify(self) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):  # a full pipe rings already
            if not self._closed:
                os.write(self._write_end, b"!")

    def clear(self) -> None:
        """To be called by the woken thread before it looks at what it was woken for."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 4096)

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self.fd)
                os.close(self._write_end)
