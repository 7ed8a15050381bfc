"""The gates for submissions: each is lent to one verification at a time, so that none ever waits for another's folder.

The lock of a gate (`gate_lock`) says the same to other processes.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count

MAX_BY_CORES = 4
"""Verifications at the same time, at most, where the settings do not say how many."""


def verifications_by_cores(cores: int) -> int:
    """How many verifications run at the same time unless the settings say it: agents need processors, too."""
    return min(MAX_BY_CORES, max(1, cores // 2))


class GatePool:
    """Safe to use from any thread."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._lent: set[int] = set()

    @contextmanager
    def lend(self) -> Generator[str]:
        """The name of a gate that is free, the lowest number first; it is free again afterwards."""
        with self._changing:
            number = next(number for number in count(1) if number not in self._lent)
            self._lent.add(number)
        try:
            yield str(number)
        finally:
            with self._changing:
                self._lent.remove(number)
