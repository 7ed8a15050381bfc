from __future__ import annotations

import threading

from coworkd.system.background_jobs import Finished, Jobs


class Bell:
    def __init__(self) -> None:
        self.rung = threading.Semaphore(0)

    def wait(self, jobs: Jobs, count: int = 1) -> list[Finished]:
        found: list[Finished] = []
        while len(found) < count:
            assert self.rung.acquire(timeout=20)
            found += jobs.finished()
        return found


def test_values_and_errors_come_back_by_name() -> None:
    bell = Bell()
    jobs = Jobs(bell.rung.release)
    problem = ValueError("no")

    def fails() -> None:
        raise problem

    assert jobs.start("a", lambda: 42)
    assert jobs.start("b", fails)
    assert sorted(bell.wait(jobs, 2), key=lambda over: over.key) == [
        Finished(key="a", value=42),
        Finished(key="b", error=problem),
    ]
    assert jobs.finished() == []
    jobs.close()


def test_one_name_runs_once_until_it_is_collected() -> None:
    bell, go = Bell(), threading.Event()
    jobs = Jobs(bell.rung.release)
    assert jobs.start("land:1", lambda: go.wait(20))
    assert not jobs.start("land:1", lambda: True)
    assert jobs.running("land:") == {"land:1"}
    assert jobs.running("verify:") == frozenset()
    assert jobs.finished() == []
    go.set()
    assert [over.key for over in bell.wait(jobs)] == ["land:1"]
    assert jobs.start("land:1", lambda: 1)
    bell.wait(jobs)
    jobs.close()


def test_closing_tells_the_jobs_and_starts_no_more() -> None:
    jobs = Jobs(lambda: None)
    ended = threading.Event()

    def work() -> None:
        assert jobs.stopping.wait(20)
        ended.set()

    jobs.start("a", work)
    jobs.close()
    assert ended.is_set(), "closing waits for what is under way"
    assert not jobs.start("b", lambda: None)
