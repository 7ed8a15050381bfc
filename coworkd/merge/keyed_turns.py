"""Turns by key: of those that ask for the same, one is at work and the others wait for what it finds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

_POLL = 0.1
"""Seconds between two looks whether what waits is still wanted."""


class KeyedTurns:
    """Safe to use from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken: set[str] = set()

    @contextmanager
    def take(self, key: str, is_cancelled: Callable[[], bool]) -> Generator[bool]:
        """Have the turn for a key, waiting while another has it; False: it was cancelled before that."""
        with self._changed:
            while key in self._taken and not is_cancelled():
                self._changed.wait(_POLL)
            taken = key not in self._taken
            if taken:
                self._taken.add(key)
        try:
            yield taken
        finally:
            if taken:
                with self._changed:
                    self._taken.remove(key)
                    self._changed.notify_all()
