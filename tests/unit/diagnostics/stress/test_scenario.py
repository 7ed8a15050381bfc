"""Scenarios are made from a seed, and say how each task has to end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.diagnostics.stress.scenario import (
    Behaviour,
    RequiredEnd,
    StressFault,
    StressTask,
    make_scenario,
    required_ends,
)


def task(name: str, behaviour: Behaviour = Behaviour.WORK, *needed: str) -> StressTask:
    return StressTask(id=name, behaviour=behaviour, seconds=1.0, depends_on=needed)


def test_what_depends_on_a_failed_task_is_blocked_and_so_is_what_depends_on_that() -> None:
    tasks = [task("a"), task("b", Behaviour.FAIL), task("c", Behaviour.WORK, "b"), task("d", Behaviour.WORK, "a", "c")]
    assert required_ends(tasks) == {
        "a": RequiredEnd.LANDED,
        "b": RequiredEnd.FAILED,
        "c": RequiredEnd.BLOCKED,
        "d": RequiredEnd.BLOCKED,
    }


def test_every_kind_of_agent_and_of_fault_is_in_the_smallest_scenario() -> None:
    scenario = make_scenario(7, tasks=len(Behaviour), agents=2, seconds=60)
    assert {each.behaviour for each in scenario.tasks} == set(Behaviour)
    assert {fault.kind for fault in scenario.faults} == set(StressFault)


@pytest.mark.parametrize(("agents", "least", "most"), [(2, 0.5, 3.0), (200, 60.0, 150.0)])
def test_many_agents_work_for_so_long_that_they_work_together(agents: int, least: float, most: float) -> None:
    longest = max(each.seconds for each in make_scenario(7, tasks=100, agents=agents, seconds=600).tasks)
    assert least < longest <= most


def test_what_is_left_out_is_nowhere() -> None:
    left_out = frozenset({Behaviour.FORK, StressFault.FILL_DISK})
    scenario = make_scenario(7, tasks=200, agents=2, seconds=600, left_out=left_out)
    assert Behaviour.FORK not in {each.behaviour for each in scenario.tasks}
    assert StressFault.FILL_DISK not in {fault.kind for fault in scenario.faults}


@given(st.integers(0, 10**6), st.integers(1, 60), st.floats(6, 600))
def test_a_seed_makes_the_same_scenario_in_an_order_that_can_be_run(seed: int, tasks: int, seconds: float) -> None:
    scenario = make_scenario(seed, tasks=tasks, agents=3, seconds=seconds)
    assert scenario == make_scenario(seed, tasks=tasks, agents=3, seconds=seconds)
    known: set[str] = set()
    for each in scenario.tasks:
        assert known.issuperset(each.depends_on)
        known.add(each.id)
    assert len(known) == tasks
    assert [fault.at for fault in scenario.faults] == sorted(fault.at for fault in scenario.faults)
    assert scenario.faults[-1].at <= seconds
