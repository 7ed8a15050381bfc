"""What is the writer thread's alone, and what it must not do: it never waits for git within a turn of the main loop.

What the writer wants to know of git is asked in a background job, which returns a value. A broken rule is a fault of
the program. The tests set `STRICT`: there it is an error, and shows in the first test that comes past it. For a user
a slow turn is the smaller harm: the fault is logged, once for each kind, and the work goes on.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager

log = logging.getLogger("coworkd")

STRICT = "COWORKD_STRICT"
"""A variable of the environment; with any value a broken rule is an error."""

_turn = threading.local()
_logged: set[str] = set()
"""What has been logged by this process."""


class ThreadRuleError(RuntimeError):
    """A thread was about to do what is another's."""


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
    """Report it where this thread is the writer in a turn; see `report_fault`."""
    if getattr(_turn, "is_running", False):
        report_fault(f"the writer waits for {what}: ask in a background job")


def report_fault(what: str) -> None:
    """Log a broken rule of threads, once; with `STRICT` in the environment raise `ThreadRuleError`."""
    if os.environ.get(STRICT):
        raise ThreadRuleError(what)
    if what not in _logged:
        _logged.add(what)
        log.error("a fault of coworkd itself: %s", what, stack_info=True)
