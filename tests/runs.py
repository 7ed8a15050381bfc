"""Waiting for what an executor tells."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from coworkd.dispatch.executors.port import Executor, RunEvent
from tests.sessions import PATIENCE


class Bell:
    """The daemon's end of `wake`."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def __call__(self) -> None:
        self._rung.set()

    def wait(self, ready: Callable[[], bool]) -> None:
        """Until `ready`, which is asked again after every wake-up."""
        deadline = time.monotonic() + PATIENCE
        while not ready():
            if not self._rung.wait(deadline - time.monotonic()):
                raise TimeoutError("nothing happened")
            self._rung.clear()


def until(executor: Executor, bell: Bell, enough: Callable[[list[RunEvent]], bool]) -> list[RunEvent]:
    """Everything uncommitted, once it is enough."""
    found: list[RunEvent] = []

    def ready() -> bool:
        found[:] = executor.events()
        return enough(found)

    bell.wait(ready)
    return found
