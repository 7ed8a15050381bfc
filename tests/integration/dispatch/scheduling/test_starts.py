"""Starting many runs at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import Assignment
from coworkd.agents.testing import ScriptSteps
from coworkd.core.model import Status
from coworkd.dispatch.scheduling.start_rate import FEWEST_AT_ONCE
from coworkd.store import RunRow
from tests.integration.dispatchkit import Bench

TASKS = 20


def stays(_: Assignment) -> ScriptSteps:
    while True:
        yield None


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, stays)
    bench.config(f"concurrency: {TASKS}\n")
    bench.agent()
    yield bench
    bench.close()


def test_all_runs_that_begin_in_one_turn_are_one_durable_commit(bench: Bench) -> None:
    for number in range(TASKS):
        bench.task(f"t{number}")
    bench.place.turn(1.0)
    bench.place.now += 1
    bench.dispatch.step(bench.now)
    asked: list[str] = []
    bench.db.connection.set_trace_callback(asked.append)
    bench.dispatch.start(bench.now)
    bench.db.connection.set_trace_callback(None)
    assert len(bench.db.all(RunRow)) == FEWEST_AT_ONCE
    assert asked.count("PRAGMA synchronous=FULL") == 1
    assert asked.count("COMMIT") <= 3, "what confines agents; the runs; why others wait"
    while len(bench.db.all(RunRow)) < TASKS:
        bench.turn()
    assert {bench.status(f"t{number}") for number in range(TASKS)} == {Status.RUNNING}
    assert sorted(order.number for order in bench.slots) == list(range(1, TASKS + 1))


def save_unannounced(bench: Bench, path: str, old: str, new: str) -> None:
    """Save as in an editor whose event has not arrived yet."""
    file = bench.place.root / path
    text = file.read_text().replace(old, new)
    assert new in text
    file.write_text(text)
    os.utime(file, (bench.now - 1, bench.now - 1))


def test_an_agent_that_was_saved_before_a_start_counts_for_it_although_its_event_is_late(bench: Bench) -> None:
    bench.turn()
    save_unannounced(bench, "agents/main.md", "command: [x]", "command: [other]")
    bench.task()
    bench.turn()
    assert [assignment.agent.command for assignment in bench.given] == [("other",)]


def test_a_default_agent_that_was_saved_before_a_start_counts_for_it(bench: Bench) -> None:
    bench.agent("other")
    bench.config("agent: main\n")
    bench.turn()
    save_unannounced(bench, "config.yaml", "agent: main", "agent: other")
    bench.place.save("---\nstatus: ready\n---\nDo it.\n", "tasks/a.md")
    bench.turn()
    assert [assignment.agent.name for assignment in bench.given] == ["other"]


def test_an_agent_file_that_cannot_be_read_holds_up_no_start(bench: Bench) -> None:
    bench.turn()
    save_unannounced(bench, "agents/main.md", "command: [x]", "command: [x")
    bench.task()
    bench.turn()
    assert [assignment.agent.command for assignment in bench.given] == [("x",)], "what it said before stays in force"
