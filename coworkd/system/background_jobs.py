"""Work that would make the writer wait, done in threads: values go in, values come back.

A job touches neither the workspace's files nor the database. Its result is collected by the writer's next turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from coworkd.core.machine_faults import FaultKind, MachineFault, MachineFaultError


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A job that is over: its value, or the exception it raised."""

    key: str
    value: Any = None
    error: BaseException | None = None


class Jobs:
    """Named jobs, each name at most once at a time; `wake` is called from the job's thread when it is over."""

    def __init__(self, wake: Callable[[], None], workers: int = 8) -> None:
        self._wake = wake
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="job")
        self._running: dict[str, Future[Any]] = {}
        self.stopping = threading.Event()
        """Set when jobs should end early; handed to whatever can be cancelled."""

    def start(self, key: str, work: Callable[[], Any]) -> bool:
        """Start a job unless one of this name is under way or nothing may start any more."""
        if key in self._running or self.stopping.is_set():
            return False
        try:
            future = self._running[key] = self._pool.submit(work)
        except RuntimeError as error:
            # The pool is open: it is the system that gives no further thread.
            fault = MachineFault(kind=FaultKind.PROCESSES, path="", detail=str(error))
            raise MachineFaultError(fault) from error
        future.add_done_callback(lambda _: self._wake())
        return True

    def running(self, prefix: str = "") -> frozenset[str]:
        """Names of the jobs under way, those not yet collected included."""
        return frozenset(key for key in self._running if key.startswith(prefix))

    def finished(self) -> list[Finished]:
        """Every job that ended since the last call."""
        over = [key for key, future in self._running.items() if future.done()]
        return [self._collect(key, self._running.pop(key)) for key in over]

    def settle(self, take: Callable[[Finished], None]) -> None:
        """Give away every job that ended. Where `take` raises, that job and the rest stay for the next call.

        A job whose own error is raised is over all the same: what it was ordered for is looked at again.
        """
        for key in [key for key, future in self._running.items() if future.done()]:
            future = self._running.pop(key)
            finished = self._collect(key, future)
            try:
                take(finished)
            except BaseException as error:
                if error is not finished.error:
                    self._running.setdefault(key, future)
                raise

    def _collect(self, key: str, future: Future[Any]) -> Finished:
        error = future.exception()
        return Finished(key=key, error=error) if error else Finished(key=key, value=future.result())

    def close(self) -> None:
        """Tell the jobs to stop and wait for them."""
        self.stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
