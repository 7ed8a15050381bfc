"""An agent that cannot work at all is stopped at once: no attempts, one item, and ways on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import Assignment, EndReason, ErrorKind, ErrorReported, TextWritten
from coworkd.agents.testing import ScriptSteps
from coworkd.board.immediate_intake import take_in_now
from coworkd.board.views.attention import AttentionItem, AttentionKind, attention_items
from coworkd.core.model import Status
from coworkd.dispatch.scheduling.agent_stops import FACTOR, FIRST_PAUSE, STOPPING_ERRORS
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
