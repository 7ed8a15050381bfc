"""Something happens just before a process is started: a person acts, or the daemon is killed between two git commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager


class Interruption:
    """What happens at the N-th process that is started from now on; at most one at a time."""

    def __init__(self) -> None:
        self._left = 0
        self._happen: Callable[[], None] | None = None

    def plan(self, after: int, happen: Callable[[], None]) -> None:
        self._left, self._happen = after, happen

    def forget(self) -> None:
        self._happen = None

    def process_starts(self) -> None:
        if self._happen is None:
            return
        self._left -= 1
        if self._left < 0:
            happen, self._happen = self._happen, None
            happen()


_current: list[Interruption] = []


def _notice(event: str, _: tuple[object, ...]) -> None:
    if event == "subprocess.Popen" and _current:
        _current[-1].process_starts()


@contextmanager
def interruptible(interruption: Interruption) -> Generator[None]:
    """Count the processes that are started within this context."""
    if not _hooked:
        # A hook stays for ever.
        sys.addaudithook(_notice)
        _hooked.append(True)
    _current.append(interruption)
    try:
        yield
    finally:
        _current.pop()


_hooked: list[bool] = []
