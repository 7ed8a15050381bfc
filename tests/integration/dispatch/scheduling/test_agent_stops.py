"""An agent that cannot work at all is stopped at once: no attempts, one item, and ways on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import Assignment, EndReason, ErrorKind, ErrorReported, TextWritten
from coworkd.agents.testing import ScriptSteps
from coworkd.board.immediate_intake import take_in_now
from coworkd.board.views.attention import AttentionItem, AttentionKind, attention_items
from coworkd.core.machine_faults import FaultKind, MachineFault
from coworkd.core.model import Status
from coworkd.dispatch.scheduling.agent_stops import AT_ONCE, FACTOR, FIRST_PAUSE, STOPPING_ERRORS
from coworkd.dispatch.scheduling.scheduler import MAX_FAILURES
from tests.integration.dispatchkit import Bench, fails


class Login:
    """Agents of which some cannot work here."""

    def __init__(self) -> None:
        self.broken: dict[str, ErrorKind] = {}
        self.asked: list[str] = []

    def __call__(self, order: Assignment) -> ScriptSteps:
        name = order.agent.name
        self.asked.append(name)
        if kind := self.broken.get(name):
            yield ErrorReported(kind=kind, message=f"{kind}! {'x' * 200} do this")
            yield fails(EndReason.FAILED, "exit 1")
        yield TextWritten(text="done")


@pytest.fixture
def login() -> Login:
    return Login()


@pytest.fixture
def bench(tmp_path: Path, login: Login) -> Iterator[Bench]:
    bench = Bench(tmp_path, login)
    bench.config("backoff: 2\nconcurrency: 3\n")
    bench.agent("main", driver="replay")
    bench.agent("spare", driver="replay")
    yield bench
    bench.close()


def begin(bench: Bench, *tasks: str) -> None:
    for task in tasks:
        bench.task(task, "Do it.", agent="main", max_attempts="1")
    bench.turn()
    bench.turn()


def items(bench: Bench) -> list[AttentionItem]:
    return [item for item in attention_items(bench.db) if item.kind is AttentionKind.AGENT]


@pytest.mark.parametrize("kind", sorted(STOPPING_ERRORS))
def test_the_agent_is_stopped_at_once_and_its_tasks_stay_ready(bench: Bench, login: Login, kind: ErrorKind) -> None:
    login.broken["main"] = kind
    begin(bench, "a", "b", "c", "d", "e")
    bench.turn(5)
    assert len(login.asked) == 3, "as many as were started together, and none after them"
    assert {bench.status(task) for task in "abcde"} == {Status.READY}
    assert {bench.place.task(task).attempt for task in "abcde"} == {0}
    assert {bench.place.task(task).failures for task in "abcde"} == {0}
    (item,) = items(bench)
    assert item.path == "agents/main.md"
    assert f"{kind}!" in item.what
    assert "do this" in item.what
    assert "agent main is stopped" in bench.why("e")


def test_a_single_run_finds_out_after_growing_pauses_whether_it_works_again(bench: Bench, login: Login) -> None:
    login.broken["main"] = ErrorKind.AUTH
    begin(bench, "a", "b", "c")
    asked = len(login.asked)
    bench.turn(FIRST_PAUSE)
    assert len(login.asked) == asked + 1
    bench.turn(FIRST_PAUSE)
    assert len(login.asked) == asked + 1, "the second pause is longer"
    del login.broken["main"]
    bench.turn(FIRST_PAUSE * FACTOR)
    bench.turn()
    assert len(login.asked) == asked + 4
    assert not items(bench)
    assert {bench.place.task(task).attempt for task in "abc"} == {1}


def test_it_goes_on_when_its_file_is_saved(bench: Bench, login: Login) -> None:
    login.broken["main"] = ErrorKind.PROGRAM
    begin(bench, "a")
    assert items(bench)
    del login.broken["main"]
    bench.agent("main", driver="replay", login="key")
    bench.turn()
    assert login.asked == ["main", "main"]
    assert not items(bench)
    assert bench.place.task("a").attempt == 1


def test_it_goes_on_when_a_command_asks_for_one_of_its_tasks(bench: Bench, login: Login) -> None:
    login.broken["main"] = ErrorKind.AUTH
    begin(bench, "a")
    del login.broken["main"]
    take_in_now(bench.db, bench.place.engine, "tasks/a.md", bench.now)
    bench.turn()
    assert login.asked == ["main", "main"]
    assert not items(bench)


def test_a_new_task_for_it_waits_with_the_others(bench: Bench, login: Login) -> None:
    login.broken["main"] = ErrorKind.AUTH
    begin(bench, "a")
    begin(bench, "b")
    take_in_now(bench.db, bench.place.engine, "tasks/missing.md", bench.now)
    bench.turn()
    assert login.asked == ["main"]
    assert bench.status("b") is Status.READY


def test_a_stand_in_takes_over(bench: Bench, login: Login) -> None:
    bench.agent("main", driver="replay", fallback="[spare]")
    login.broken["main"] = ErrorKind.AUTH
    begin(bench, "a")
    assert login.asked == ["main", "spare"]
    assert bench.runs()[-1].attempt == 1
    assert len(items(bench)) == 1


def test_the_next_daemon_tries_at_once(bench: Bench, login: Login) -> None:
    login.broken["main"] = ErrorKind.AUTH
    begin(bench, "a")
    del login.broken["main"]
    bench.crash()
    bench.turn()
    assert login.asked == ["main", "main"]
    assert not items(bench)


# ---- an agent that fails at once, with no error that says why


class Failing:
    """An agent that fails, but for the tasks in `good`; a slow one only when it hears something."""

    def __init__(self, bench: Callable[[], Bench]) -> None:
        self.bench = bench
        self.slow = False
        self.good: set[str] = set()
        self.starts: list[str] = []

    def __call__(self, order: Assignment) -> ScriptSteps:
        self.starts.append(order.task)
        if self.slow:
            yield None
        yield TextWritten(text="cannot reach the licence server")
        if order.task not in self.good:
            yield fails(EndReason.FAILED, "exit 1")


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Failing]:
    found: list[Bench] = []
    agent = Failing(lambda: found[0])
    found.append(Bench(tmp_path, agent))
    found[0].config("backoff: 0\nmax_attempts: 3\nconcurrency: 4\n")
    found[0].agent("main", driver="replay")
    yield agent
    found[0].close()


TWENTY = [f"t{number:02}" for number in range(20)]


def _begin_all(failing: Failing, seconds: float = 1.0) -> Bench:
    bench = failing.bench()
    for task in TWENTY:
        bench.task(task)
    for _ in range(6):
        bench.turn(seconds)
    return bench


def test_five_runs_in_a_row_that_fail_at_once_stop_the_agent(failing: Failing) -> None:
    bench = _begin_all(failing)
    assert len(failing.starts) == MAX_FAILURES
    assert sum(bench.place.task(task).failures for task in TWENTY) == MAX_FAILURES
    assert {bench.status(task) for task in TWENTY} == {Status.READY}, "none has used all its attempts"
    (item,) = items(bench)
    assert item.path == "agents/main.md"
    assert "agent main is stopped: its last 5 runs failed within 10 s" in item.what
    assert "exit 1; it said last: `cannot reach the licence server`" in item.what
    assert all("agent main is stopped" in bench.why(task) for task in TWENTY)


def test_a_probe_that_fails_at_once_uses_no_attempt_and_the_pause_grows(failing: Failing) -> None:
    bench = _begin_all(failing)
    bench.turn(FIRST_PAUSE)
    assert len(failing.starts) == MAX_FAILURES + 1
    bench.turn(FIRST_PAUSE * FACTOR - 1)
    assert len(failing.starts) == MAX_FAILURES + 1
    bench.turn(1)
    assert len(failing.starts) == MAX_FAILURES + 2
    assert sum(bench.place.task(task).failures for task in TWENTY) == MAX_FAILURES
    (item,) = items(bench)
    assert "its last 7 runs failed" in item.what


def test_a_probe_that_works_lets_all_tasks_go_on(failing: Failing) -> None:
    bench = _begin_all(failing)
    failing.good.update(TWENTY)
    bench.turn(FIRST_PAUSE)
    bench.turn()
    assert not items(bench)
    for _ in range(6):
        bench.turn()
    assert not any(bench.status(task) is Status.READY for task in TWENTY)


@pytest.mark.parametrize("way", ["saved", "ready"])
def test_the_count_begins_again_when_the_file_is_saved_and_by_ready(failing: Failing, way: str) -> None:
    bench = _begin_all(failing)
    if way == "saved":
        bench.agent("main", driver="replay", login="key")
    else:
        take_in_now(bench.db, bench.place.engine, "tasks/t19.md", bench.now)
    assert not items(bench) or way == "saved"
    for _ in range(6):
        bench.turn()
    assert len(failing.starts) == 2 * MAX_FAILURES
    assert len(items(bench)) == 1


def test_failures_after_a_while_are_those_of_the_tasks(failing: Failing) -> None:
    failing.slow = True
    bench = failing.bench()
    for task in TWENTY[:8]:
        bench.task(task, max_attempts=1)
    for _ in range(6):
        bench.turn(AT_ONCE)
        for run in bench.executor.alive():
            bench.executor.deliver(run, "word.md", "go on")
    assert len(failing.starts) == 8
    assert not items(bench)


def test_a_run_that_does_not_fail_breaks_the_row(failing: Failing) -> None:
    failing.good.add("t04")
    bench = failing.bench()
    bench.config("backoff: 600\nconcurrency: 1\n")
    for task in TWENTY[:8]:
        bench.task(task)
    for _ in range(10):
        bench.turn()
    assert sorted(failing.starts) == TWENTY[:8], "four, one that works, three"
    assert not items(bench)


def test_what_the_machine_does_is_not_counted(failing: Failing) -> None:
    bench = failing.bench()
    bench.config("backoff: 0\nconcurrency: 1\n")
    bench.task("a")
    for _ in range(8):
        bench.fault = None
        bench.turn(600)
        bench.fault = MachineFault(kind=FaultKind.DISK_FULL, path="/state", detail="")
        bench.turn()
    assert not items(bench)
