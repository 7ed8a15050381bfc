from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from coworkd.core.errors import RepoError
from coworkd.core.machine_faults import FaultKind
from coworkd.system.background_jobs import MAX_VERIFICATIONS, Job, JobFailed, Jobs, Purpose, thread_counts

COUNT: Job[str, int] = Job(name="count", purpose=Purpose.SLOT)
OTHER: Job[None, int] = Job(name="other", purpose=Purpose.INTEGRATION, first_pause=0)


@dataclass
class Bench:
    """Jobs, and what their handlers were given. `settle` waits for jobs to end."""

    values: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    failures: list[JobFailed] = field(default_factory=list[JobFailed])

    def __post_init__(self) -> None:
        self._over = threading.Semaphore(0)
        self.jobs = Jobs(self._over.release)
        self.jobs.handle(COUNT, then=self.count, failed=self.fail)
        self.jobs.handle(OTHER, then=lambda _, value, _now: self.values.append(("", value)), failed=self.fail)

    def count(self, subject: str, value: int, _now: float) -> None:
        self.values.append((subject, value))

    def fail(self, _: str | None, failure: JobFailed, _now: float) -> None:
        self.failures.append(failure)

    def settle(self, now: float = 0.0, count: int = 1) -> None:
        for _ in range(count):
            self.await_end()
        self.jobs.settle(now)

    def await_end(self) -> None:
        """Wait until one more job has ended."""
        assert self._over.acquire(timeout=20)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def fails(error: Exception) -> int:
    raise error


def test_no_job_starts_before_what_it_follows_from_is_committed(bench: Bench) -> None:
    open_transactions = [1]
    bench.jobs.require_committed(lambda: bool(open_transactions))
    with pytest.raises(RuntimeError):
        bench.jobs.start(COUNT, "a", lambda: 1)
    assert not bench.jobs.busy()
    open_transactions.clear()
    assert bench.jobs.start(COUNT, "a", lambda: 1)
    bench.settle()
    bench.jobs.close()


def test_values_and_errors_come_to_the_handlers_of_their_kind(bench: Bench) -> None:
    problem = RepoError("git is gone")
    assert bench.jobs.start(COUNT, "a", lambda: 42)
    assert bench.jobs.start(COUNT, "b", lambda: fails(problem))
    assert bench.jobs.start(OTHER, None, lambda: 1)
    bench.settle(100.0, count=3)
    assert sorted(bench.values) == [("", 1), ("a", 42)]
    assert [(one.error, one.times, one.retry_at) for one in bench.failures] == [(problem, 1, 105.0)]
    assert not bench.jobs.busy()
    bench.jobs.close()


def test_the_same_job_runs_once_until_it_is_settled(bench: Bench) -> None:
    go = threading.Event()
    assert bench.jobs.start(COUNT, "a", lambda: int(go.wait(20)))
    assert not bench.jobs.start(COUNT, "a", lambda: 2)
    assert bench.jobs.running(COUNT) == {"a"}
    assert bench.jobs.running(OTHER) == frozenset()
    assert bench.jobs.any_running(OTHER, COUNT)
    assert not bench.jobs.any_running(OTHER)
    bench.jobs.settle(0.0)
    assert bench.values == []
    go.set()
    bench.settle()
    assert bench.values == [("a", 1)]
    assert bench.jobs.start(COUNT, "a", lambda: 3)
    bench.settle()
    bench.jobs.close()


def test_what_fails_again_and_again_pauses_ever_longer_and_begins_afresh_after_a_success(bench: Bench) -> None:
    jobs, now, pauses = bench.jobs, 1000.0, list[float]()
    for _ in range(9):
        assert jobs.start(COUNT, "a", lambda: fails(RepoError("no")))
        bench.settle(now)
        assert not jobs.start(COUNT, "a", lambda: 1), "it pauses"
        assert jobs.pausing(COUNT, "a")
        assert not jobs.pausing(COUNT, "b"), "another one does not"
        at = jobs.deadline(now)
        assert at is not None
        pauses.append(at - now)
        jobs.settle(now := at)
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert jobs.failing(COUNT) == {"a"}
    assert jobs.start(COUNT, "a", lambda: 1)
    bench.settle(now)
    assert jobs.failing(COUNT) == frozenset()
    assert jobs.deadline(now) is None
    assert jobs.start(COUNT, "a", lambda: fails(RepoError("no")))
    bench.settle(now)
    assert bench.failures[-1].times == 1
    jobs.close()


def test_a_job_pauses_for_as_long_as_it_was_to_where_the_clock_is_set(bench: Bench) -> None:
    assert bench.jobs.start(COUNT, "a", lambda: fails(RepoError("no")))
    bench.settle(4000.0)
    bench.jobs.move_times(-3600.0)
    assert bench.jobs.pausing(COUNT, "a")
    assert bench.jobs.deadline(400.0) == 405.0
    bench.jobs.close()


def test_a_job_that_is_no_longer_wanted_is_forgotten(bench: Bench) -> None:
    assert bench.jobs.start(COUNT, "a", lambda: fails(RepoError("no")))
    bench.settle(1000.0)
    bench.jobs.forget(COUNT, "a")
    assert bench.jobs.deadline(1000.0) is None
    assert bench.jobs.start(COUNT, "a", lambda: 1)
    bench.jobs.close()


def test_without_a_first_pause_its_caller_decides(bench: Bench) -> None:
    for _ in range(2):
        assert bench.jobs.start(OTHER, None, lambda: fails(RepoError("no")))
        bench.settle(1000.0)
    assert bench.jobs.deadline(1000.0) is None
    bench.jobs.close()


@pytest.mark.parametrize(
    ("error", "reason", "fault"),
    [
        (RepoError("git is gone"), "git is gone", None),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device", FaultKind.DISK_FULL),
        (KeyError("x"), "internal error, a fault of coworkd itself: KeyError: 'x'", None),
    ],
)
def test_a_failure_says_what_went_wrong(bench: Bench, error: Exception, reason: str, fault: FaultKind | None) -> None:
    bench.jobs.start(COUNT, "a", lambda: fails(error))
    bench.settle()
    (failure,) = bench.failures
    assert failure.reason == reason
    assert (failure.fault.kind if failure.fault else None) is fault
    assert "1970-01-01T00:00:05Z" in failure.retry
    bench.jobs.close()


def test_an_outcome_stays_until_a_handler_took_it(bench: Bench) -> None:
    bench.jobs.start(COUNT, "one", lambda: 1)
    bench.jobs.start(COUNT, "two", lambda: fails(RepoError("no")))

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    bench.jobs.handle(COUNT, then=refuse, failed=refuse)
    with pytest.raises(OSError, match="space"):
        bench.settle(count=2)
    with pytest.raises(OSError, match="space"):
        bench.jobs.settle(0.0)
    taken = Bench()
    bench.jobs.handle(COUNT, then=taken.count, failed=taken.fail)  # the parts are built again
    bench.jobs.settle(0.0)
    assert taken.values == [("one", 1)]
    assert [failure.times for failure in taken.failures] == [1]
    assert not bench.jobs.busy()
    bench.jobs.close()
    taken.jobs.close()


def test_a_verification_begins_while_hundreds_of_slots_are_to_be_made_ready(bench: Bench) -> None:
    go, verifying = threading.Event(), threading.Event()
    for number in range(200):
        assert bench.jobs.start(COUNT, str(number), lambda: int(go.wait(20)))
    assert bench.jobs.start(OTHER, None, lambda: verifying.set() or 1)
    assert verifying.wait(20), "it stands behind slots"
    bench.settle()
    assert bench.values == [("", 1)]
    go.set()
    bench.settle(count=200)
    bench.jobs.close()


def test_what_is_finished_is_handed_over_before_what_begins_and_the_rest_at_once_after_that(bench: Bench) -> None:
    for number in range(3):
        assert bench.jobs.start(COUNT, str(number), lambda: 1)
    assert bench.jobs.start(OTHER, None, lambda: 2)
    for _ in range(4):
        bench.await_end()
    handed: list[int] = []
    while bench.jobs.busy():
        bench.jobs.settle(0.0, enough=lambda: True)
        handed.append(len(bench.values))
        assert bench.jobs.deadline(7.0) == (7.0 if bench.jobs.busy() else None)
    assert handed == [1, 2, 3, 4]
    assert bench.values == [("", 2), ("0", 1), ("1", 1), ("2", 1)]
    bench.jobs.close()


def test_outcomes_of_other_purposes_wait(bench: Bench) -> None:
    assert bench.jobs.start(COUNT, "a", lambda: 1)
    assert bench.jobs.start(OTHER, None, lambda: 2)
    for _ in range(2):
        bench.await_end()
    bench.jobs.settle(0.0, purposes={Purpose.INTEGRATION})
    assert bench.values == [("", 2)]
    bench.jobs.settle(0.0)
    assert bench.values == [("", 2), ("a", 1)]
    bench.jobs.close()


@pytest.mark.parametrize("cores", [1, 2, 8, 64])
def test_threads_are_bounded_by_the_cores(cores: int) -> None:
    counts = thread_counts(cores)
    assert set(counts) == set(Purpose)
    assert min(counts.values()) >= 2
    assert counts.pop(Purpose.VERIFICATION) == MAX_VERIFICATIONS, "its threads are made as the settings ask for them"
    assert sum(counts.values()) <= 16 + 3 * cores


def test_closing_tells_the_jobs_and_starts_no_more(bench: Bench) -> None:
    ended = threading.Event()

    def work() -> int:
        assert bench.jobs.stopping.wait(20)
        ended.set()
        return 1

    bench.jobs.start(COUNT, "a", work)
    bench.jobs.close()
    assert ended.is_set(), "closing waits for what is under way"
    assert not bench.jobs.start(COUNT, "b", lambda: 1)
