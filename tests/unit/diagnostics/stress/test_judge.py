"""Each broken promise is seen by the judge, and a run without one is not blamed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coworkd.diagnostics.stress.judge import (
    JournalEntry,
    JournalKind,
    Observation,
    RunTimes,
    Verdict,
    judge,
    parse_journal,
    start_overheads,
)
from coworkd.diagnostics.stress.scenario import Behaviour, Scenario, StressTask

TASKS = (
    StressTask(id="a", behaviour=Behaviour.WORK, seconds=1.0),
    StressTask(id="b", behaviour=Behaviour.COLLIDE, seconds=1.0),
    StressTask(id="c", behaviour=Behaviour.FAIL, seconds=1.0),
    StressTask(id="d", behaviour=Behaviour.WORK, seconds=1.0, depends_on=("c",)),
)
SCENARIO = Scenario(seed=1, agents=2, seconds=60, tasks=TASKS, faults=())


def entry(at: float, kind: JournalKind, task: str) -> JournalEntry:
    return JournalEntry(at=at, kind=kind, task=task, run=f"run-{task}")


BEGAN, ENDED = JournalKind.BEGAN, JournalKind.ENDED
GOOD = Observation(
    journal=(
        entry(1.5, BEGAN, "a"), entry(2, BEGAN, "b"), entry(3, ENDED, "a"), entry(3.5, BEGAN, "c"),
        entry(4, ENDED, "b"), entry(5, ENDED, "c"),
    ),
    runs=tuple(
        RunTimes(run=f"run-{task}", task=task, started=started, ended=6.0)
        for task, started in (("a", 1.0), ("b", 1.75), ("c", 3.25))
    ),
    statuses={"a": "done", "b": "done", "c": "failed", "d": "ready"},
    landed_lines={"a": 1, "b": 1}, shared_lines=("b",), processes_left=0,
)  # fmt: skip


def test_a_run_that_kept_every_promise_is_not_blamed() -> None:
    verdict = judge(SCENARIO, GOOD)
    assert verdict == Verdict(twice=(), lost=(), stuck=(), disorder=(), caps_passed=(), processes_left=0)
    assert verdict.ok


@pytest.mark.parametrize(
    ("seen", "promise", "names"),
    [
        (replace(GOOD, journal=(*GOOD.journal, entry(2, JournalKind.TWICE, "a"))), "twice", ("a",)),
        (replace(GOOD, landed_lines={"a": 2, "b": 1}), "twice", ("a",)),
        (replace(GOOD, shared_lines=("b", "b")), "twice", ("b",)),
        (replace(GOOD, landed_lines={"b": 1}), "lost", ("a",)),
        (replace(GOOD, shared_lines=()), "lost", ("b",)),
        (replace(GOOD, statuses={**GOOD.statuses, "a": "failed"}), "lost", ("a",)),
        (replace(GOOD, statuses={**GOOD.statuses, "a": "running"}), "stuck", ("a",)),
        (replace(GOOD, statuses={**GOOD.statuses, "c": "ready"}), "stuck", ("c",)),
        (replace(GOOD, journal=(*GOOD.journal, entry(2, JournalKind.DISORDER, "b"))), "disorder", ("b",)),
        (
            replace(GOOD, journal=(*GOOD.journal, entry(2.5, BEGAN, "x"), entry(2.6, ENDED, "x"))),
            "caps_passed",
            ("run-x",),
        ),
        (replace(GOOD, processes_left=1), "processes_left", 1),
    ],
)
def test_each_broken_promise_is_seen_and_no_other(seen: Observation, promise: str, names: object) -> None:
    verdict = judge(SCENARIO, seen)
    assert getattr(verdict, promise) == names
    assert not verdict.ok
    others = replace(verdict, **{promise: 0 if promise == "processes_left" else ()})
    assert others.ok


def test_a_killed_agent_is_at_work_until_its_run_has_ended() -> None:
    journal = (entry(1, BEGAN, "a"), entry(2, BEGAN, "b"), entry(7, BEGAN, "c"))
    runs = (
        RunTimes(run="run-a", task="a", started=1, ended=6.0),
        RunTimes(run="run-b", task="b", started=1, ended=None),
    )
    assert judge(SCENARIO, replace(GOOD, journal=journal, runs=runs)).caps_passed == ()
    later = (replace(runs[0], ended=8.0), runs[1])
    assert judge(SCENARIO, replace(GOOD, journal=journal, runs=later)).caps_passed == ("run-c",)


def test_the_overhead_of_a_start_is_from_the_decision_to_the_agents_first_line() -> None:
    again = (*GOOD.journal, entry(9, BEGAN, "a"))
    assert start_overheads(replace(GOOD, journal=again)) == [0.25, 0.25, 0.5]


def test_lines_that_a_kill_cut_off_are_left_out_of_a_journal() -> None:
    text = "1.5 began a run-a 77\n2.25 ended a run-a 0\nnonsense\n3.0 beg"
    assert parse_journal(text) == [
        JournalEntry(at=1.5, kind=BEGAN, task="a", run="run-a"),
        JournalEntry(at=2.25, kind=ENDED, task="a", run="run-a"),
    ]
