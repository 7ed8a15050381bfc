"""Waking a thread that waits on descriptors, from any other thread and from a signal handler."""

from __future__ import annotations

import contextlib
import os
import select
import threading


class Wakeup:
    """A pipe to oneself: `fd` becomes readable when `notify` was called. Twice is once; after `close` it does nothing.

    A signal handler may interrupt its own thread anywhere, in `notify` as well: the lock is one that the same thread
    can take again. (`threading.Event.set` in a handler waits for ever where it interrupts a wait for the same event.)
    """

    def __init__(self) -> None:
        self.fd, self._write_end = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write_end, False)
        self._lock = threading.RLock()
        self._closed = False

    def notify(self) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):  # a full pipe wakes already
            if not self._closed:
                os.write(self._write_end, b"!")

    def clear(self) -> None:
        """To be called by the woken thread before it looks at what it was woken for."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 4096)

    def wait(self, seconds: float | None) -> None:
        """Until `notify` was called since the last time, or the seconds are over; None: only until then."""
        poll = select.poll()  # unlike select(2) not limited to the first 1024 descriptors
        poll.register(self.fd, select.POLLIN)
        poll.poll(None if seconds is None else max(seconds, 0.0) * 1000)
        self.clear()

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self.fd)
                os.close(self._write_end)
