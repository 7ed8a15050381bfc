"""Work that would block the writer, done in threads: values go in, values come back.

Each purpose has threads of its own, so that nothing finished waits behind anything that only begins.

A job touches neither the workspace's files nor the database. The writer's next turn collects its outcome and hands it
to the part that handles this kind of job. A handler takes a failure as well as a value: what failed is shown with its
reason, and may be started again after a pause that grows. The daemon lives.

Handlers belong to kinds and not to single jobs: when the database is opened again, its parts are built again while
jobs run on, and the new parts take the outcomes.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Collection, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Generic, TypeVar

from coworkd.core.clock import iso
from coworkd.core.errors import CoworkError
from coworkd.core.machine_faults import FaultKind, MachineFault, MachineFaultError, fault_of

log = logging.getLogger("coworkd")

PAUSE_GROWTH, MAX_PAUSE = 2.0, 300.0
"""How the pause after a failure grows, and the seconds that it grows to."""

MAX_VERIFICATIONS = 16
"""At the same time; their threads are made when they are needed."""


class Purpose(Enum):
    """What a job is for. In the order in which outcomes are handed over: what is finished goes before what begins."""

    SAVES = "saves"
    """Asking git about files that were saved, or what a command asks for: a person waits to see what follows."""
    INTEGRATION = "integration"
    """Landing, and moving the integration branch: git in the repository itself."""
    VERIFICATION = "verification"
    """The commands of verifications, as many at once as the settings say."""
    IMPORT = "import"
    """Bringing in the work that a run has left in its slot."""
    READING = "reading"
    """Asking git about what a file or a change is."""
    MAINTENANCE = "maintenance"
    """Audit log, commits of the workspace, pruning, notifications, measuring the disk."""
    SLOT = "slot"
    """Making a slot ready for a run."""


def thread_counts(cores: int) -> dict[Purpose, int]:
    """How many jobs of each purpose run at the same time, at most.

    A job is git and other processes more than Python, so its thread mostly waits. More of them than `cores` can feed
    only take the processor from the writer and the agents; half as many again are used where they wait for a disk or,
    as the commands of `setup` do, for the network.
    """
    return {
        # All that is asked about files at one time is one job; the other one is for what a command waits for.
        Purpose.SAVES: 2,
        # One landing and one move of the branch at a time, beside reverts and landings in the target.
        Purpose.INTEGRATION: 3,
        Purpose.VERIFICATION: MAX_VERIFICATIONS,
        Purpose.IMPORT: max(2, cores),
        Purpose.READING: max(2, cores // 2),
        # There are five kinds, each of which runs once at a time; a notification or a measurement may be slow.
        Purpose.MAINTENANCE: 5,
        Purpose.SLOT: max(4, cores + cores // 2),
    }


Subject = TypeVar("Subject", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Generic[Subject, Value]):
    """A kind of job: what tells two of them apart, and what they return."""

    name: str
    purpose: Purpose
    first_pause: float = 5.0
    """Seconds after the first failure before the same job may start again; 0: at once, for its caller decides."""
    longest_pause: float = MAX_PAUSE
    """Seconds that the pause grows to; short where a person can remove the cause, and trying costs little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed:
    """A job raised an error instead of returning a value."""

    error: Exception
    times: int
    """How often in a row."""
    retry_at: float
    """From when on it may start again."""

    @property
    def reason(self) -> str:
        """What went wrong, in words."""
        if isinstance(self.error, CoworkError | OSError):
            return str(self.error)
        return f"internal error, a fault of coworkd itself: {type(self.error).__name__}: {self.error}"

    @property
    def fault(self) -> MachineFault | None:
        """What of the machine it is about; None where it is something else."""
        return fault_of(self.error) if isinstance(self.error, OSError | MachineFaultError) else None

    @property
    def retry(self) -> str:
        """What happens next, in words."""
        return f"coworkd tries again by itself, the next time at {iso(self.retry_at)}"


OutcomeHandler = Callable[[Subject, Value, float], None]
"""Takes the subject of a job, its value and the time of the turn."""
FailureHandler = Callable[[Subject, JobFailed, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Handler:
    then: OutcomeHandler[Any, Any]
    failed: FailureHandler[Any]


_Key = tuple[Job[Any, Any], Any]
_RANKS = {purpose: rank for rank, purpose in enumerate(Purpose)}


def _never() -> bool:
    return False


class Jobs:
    """Jobs by kind and subject, each at most once at a time; used by the writer thread alone.

    `wake` is called from the job's thread when it is over.
    """

    def __init__(self, wake: Callable[[], None], cores: int = os.cpu_count() or 1) -> None:
        self._wake = wake
        self._pools = {
            purpose: ThreadPoolExecutor(count, thread_name_prefix=f"job-{purpose.value}")
            for purpose, count in thread_counts(cores).items()
        }
        self._running: dict[_Key, Future[Any]] = {}
        self._handlers: dict[Job[Any, Any], _Handler] = {}
        self._failures: dict[_Key, JobFailed] = {}
        self._now = 0.0
        """The time of the present turn."""
        self._in_transaction: Callable[[], bool] = lambda: False
        self.stopping = threading.Event()
        """Set when jobs should end early; handed to whatever can be cancelled."""

    def handle(
        self, job: Job[Subject, Value], *, then: OutcomeHandler[Subject, Value], failed: FailureHandler[Subject]
    ) -> None:
        """Have the outcomes of this kind handed to these; a part that is built again replaces the one before it."""
        self._handlers[job] = _Handler(then=then, failed=failed)

    def require_committed(self, in_transaction: Callable[[], bool]) -> None:
        """Have `start` raise while this is true: a job must not be ahead of the rows that it follows from."""
        self._in_transaction = in_transaction

    def start(self, job: Job[Subject, Value], subject: Subject, work: Callable[[], Value]) -> bool:
        """Start a job; False where the same one is running, pauses after a failure, or the daemon stops."""
        if self._in_transaction():
            raise RuntimeError(f"the job {job.name} starts before what it follows from is committed")
        key = (job, subject)
        if key in self._running or self.stopping.is_set() or self.pausing(job, subject):
            return False
        try:
            future = self._running[key] = self._pools[job.purpose].submit(work)
        except RuntimeError as error:
            # The pool is open: it is the system that gives no further thread.
            fault = MachineFault(kind=FaultKind.PROCESSES, path="", detail=str(error))
            raise MachineFaultError(fault) from error
        future.add_done_callback(lambda _: self._wake())
        return True

    # ---- what is running, and what failed

    def running(self, job: Job[Subject, Any]) -> frozenset[Subject]:
        """Subjects of the jobs of this kind that are running, those not yet settled included."""
        return frozenset(subject for kind, subject in self._running if kind == job)

    def any_running(self, *jobs: Job[Any, Any]) -> bool:
        """Whether a job of one of these kinds is running or not yet settled."""
        return any(kind in jobs for kind, _ in self._running)

    def busy(self) -> bool:
        """Whether any job is running or not yet settled."""
        return bool(self._running)

    def pausing(self, job: Job[Subject, Any], subject: Subject) -> bool:
        """Whether a job failed and may not start again yet."""
        failure = self._failures.get((job, subject))
        return failure is not None and failure.retry_at > self._now

    def failing(self, job: Job[Subject, Any]) -> frozenset[Subject]:
        """Subjects of the jobs of this kind whose latest outcome was a failure."""
        return frozenset(subject for kind, subject in self._failures if kind == job)

    def forget(self, job: Job[Subject, Any], subject: Subject) -> None:
        """A job that failed is no longer wanted: should it be wanted again, it starts without a pause."""
        self._failures.pop((job, subject), None)

    def move_times(self, seconds: float) -> None:
        """The clock was set by this: jobs that pause go on pausing for as long as they were to."""
        self._now += seconds
        self._failures = {
            key: replace(failure, retry_at=failure.retry_at + seconds) for key, failure in self._failures.items()
        }

    def deadline(self, now: float) -> float | None:
        """When the next job may start again that failed; at once where an outcome is still to be handed over."""
        if any(future.done() for future in self._running.values()):
            return now
        return min((one.retry_at for one in self._failures.values() if one.retry_at > now), default=None)

    # ---- outcomes

    def settle(
        self, now: float, *, purposes: Collection[Purpose] = frozenset(Purpose), enough: Callable[[], bool] = _never
    ) -> None:
        """Hand over the outcomes of jobs with these purposes that ended, until `enough`; at least one.

        Those that are left are handed over by the next call; where a handler raises, that one and the rest are.
        """
        self._now = now
        for number, key in enumerate(self._ended(purposes)):
            if number and enough():
                return
            self._settle(key, now)

    def _ended(self, purposes: Collection[Purpose]) -> list[_Key]:
        """Jobs that ended: by purpose, then in the order in which they were started."""
        ended = [key for key, future in self._running.items() if key[0].purpose in purposes and future.done()]
        return sorted(ended, key=lambda key: _RANKS[key[0].purpose])

    def _settle(self, key: _Key, now: float) -> None:
        future, before = self._running.pop(key), self._failures.get(key)
        try:
            self._hand_over(key, future, now)
        except Exception:
            # Whatever the handler raised ends the turn, which is undone: the result is handed over again.
            self._running.setdefault(key, future)
            self._failures.pop(key, None)
            if before is not None:
                self._failures[key] = before
            raise

    def _hand_over(self, key: _Key, future: Future[Any], now: float) -> None:
        job, subject = key
        handler, error = self._handlers[job], future.exception()
        if error is None:
            self._failures.pop(key, None)
            handler.then(subject, future.result(), now)
        elif isinstance(error, Exception):
            failure = self._failures[key] = _failed(job, error, self._failures.get(key), now)
            _log_failure(job, subject, failure)
            handler.failed(subject, failure, now)
        else:
            raise error

    def close(self) -> None:
        """Tell the jobs to stop and wait for them."""
        self.stopping.set()
        for wait in (False, True):  # what is queued must not begin while the jobs of another purpose are waited for
            for pool in self._pools.values():
                pool.shutdown(wait=wait, cancel_futures=True)


def _failed(job: Job[Any, Any], error: Exception, before: JobFailed | None, now: float) -> JobFailed:
    times = before.times + 1 if before else 1
    pause = min(job.first_pause * PAUSE_GROWTH ** min(times - 1, 30), job.longest_pause)
    return JobFailed(error=error, times=times, retry_at=now + pause)


def _log_failure(job: Job[Any, Any], subject: Hashable, failure: JobFailed) -> None:
    expected = isinstance(failure.error, CoworkError | OSError)
    name = f"{job.name} {subject}" if subject else job.name
    log.log(
        logging.INFO if expected else logging.ERROR, "%s failed: %s", name, failure.reason,
        exc_info=None if expected else failure.error,
    )  # fmt: skip
