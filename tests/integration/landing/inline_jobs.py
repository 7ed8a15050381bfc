"""Jobs that are done when a test says so, in the test's own thread: every history can be played again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from coworkd.system.background_jobs import Jobs, Purpose

P = ParamSpec("P")
T = TypeVar("T")


class _InlinePool(ThreadPoolExecutor):
    """Keeps what is submitted; starts no thread."""

    def __init__(self, queue: list[Callable[[], None]]) -> None:
        super().__init__(1)
        self._queue = queue

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[Any] = Future()

        def work() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except Exception as error:  # noqa: BLE001 - as a thread does; a kill goes on to the test
                future.set_exception(error)

        self._queue.append(work)
        return future


class InlineJobs(Jobs):
    """`do_next` does the job that has waited longest; its outcome is handed over by `settle`, as ever."""

    def __init__(self) -> None:
        super().__init__(lambda: None)
        self._queue: list[Callable[[], None]] = []
        self._pools = {purpose: _InlinePool(self._queue) for purpose in Purpose}

    def do_next(self) -> bool:
        """False where no job waits."""
        if not self._queue:
            return False
        self._queue.pop(0)()
        return True

    def drop(self) -> None:
        """The process is gone: what waits is never done."""
        self._queue.clear()
