"""The writer never waits for git: within a turn of the main loop, starting or asking git is refused.

What the writer wants to know of git is asked in a background job, which returns a value. Refused means an error that
ends the daemon: it is a fault of the program, and shows in the first test that comes past it.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

_turn = threading.local()


class WriterWaitsError(RuntimeError):
    """The writer was about to wait for something that may take long."""


@contextmanager
def must_not_wait() -> Generator[None]:
    """Within this context this thread is the writer in a turn."""
    _turn.is_running = True
    try:
        yield
    finally:
        _turn.is_running = False


@contextmanager
def may_wait(reason: str) -> Generator[None]:
    """An exception from the rule, within a turn; `reason` says why the turn may last longer."""
    assert reason, "an exception has a reason"
    before = getattr(_turn, "is_running", False)
    _turn.is_running = False
    try:
        yield
    finally:
        _turn.is_running = before


def refuse_to_wait(what: str) -> None:
    """Raise `WriterWaitsError` where this thread is the writer in a turn."""
    if getattr(_turn, "is_running", False):
        raise WriterWaitsError(f"the writer would wait for {what}: ask in a background job")
