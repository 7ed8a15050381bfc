from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.dispatch.scheduling.scheduler import (
    Action,
    ActiveRun,
    Capacity,
    Postponed,
    RunRequest,
    StartCandidate,
    StartRun,
    next_actions,
    overlapping,
    postponement,
)

NOW = 1000.0


def candidate(
    task: str, priority: float = 2, weight: int = 1, since: float = 0, agent: str = "a", **more: object
) -> StartCandidate:
    touches = more.get("touches", ())
    assert isinstance(touches, tuple)
    due = more.get("not_before", 0.0)
    assert isinstance(due, float)
    return StartCandidate(
        task=task, agent=agent, priority=priority, chain_length=weight, since=since, touches=touches, not_before=due
    )


def capacity(total: int = 9, halted: str = "", **agents: int) -> Capacity:
    return Capacity(total=total, per_agent=agents, halt_reason=halted)


def started(actions: Sequence[Action]) -> list[str]:
    return [action.task for action in actions if isinstance(action, StartRun)]


def postponed(actions: Sequence[Action]) -> dict[str, str]:
    return {action.task: action.reason for action in actions if isinstance(action, Postponed)}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (candidate("z", priority=0), candidate("a", priority=1, weight=9)),
        (candidate("z", weight=3, since=5), candidate("a", weight=2)),
        (candidate("z", since=1), candidate("a", since=2)),
        (candidate("a"), candidate("b")),
        (candidate("z", priority=1.5), candidate("a", priority=2)),
    ],
)
def test_priority_then_critical_path_then_age_then_name(first: StartCandidate, second: StartCandidate) -> None:
    for order in ([first, second], [second, first]):
        assert started(next_actions(order, [], capacity(1), NOW)) == [first.task]


def test_each_postponed_task_has_its_reason() -> None:
    active = [ActiveRun(task="other", agent="b", touches=("src/**",))]
    actions = next_actions(
        [
            candidate("backoff", not_before=NOW + 5),
            candidate("limit", agent="b"),
            candidate("touching", touches=("src/ui/*.ts",)),
            candidate("fits", priority=3),
            candidate("full", priority=4),
        ],
        active,
        capacity(2, b=1),
        NOW,
    )
    assert started(actions) == ["fits"]
    assert postponed(actions) == {
        "backoff": "waits before its next attempt",
        "limit": "waits for agent b: 1 of 1 at work",
        "touching": "waits for other, which touches the same files",
        "full": "waits for a free place: 2 of 2 are taken",
    }
    assert [a.until for a in actions if isinstance(a, Postponed) and a.task == "backoff"] == [NOW + 5]


def test_a_halt_starts_nothing_and_says_so() -> None:
    assert postponed(next_actions([candidate("a"), candidate("b")], [], capacity(halted="stopped"), NOW)) == {
        "a": "stopped",
        "b": "stopped",
    }


def test_a_run_that_waits_for_a_person_frees_its_place_but_not_its_files() -> None:
    waiting = [ActiveRun(task="w", agent="a", touches=("x",), waiting=True)]
    actions = next_actions(
        [candidate("same", priority=1, touches=("x",)), candidate("other")], waiting, capacity(1, a=1), NOW
    )
    assert started(actions) == ["other"]
    assert postponed(actions) == {"same": "waits for w, which touches the same files"}


def test_a_run_that_has_its_slot_needs_no_new_one() -> None:
    halted = Capacity(total=2, per_agent={}, slots_halt_reason="no slot can be made ready", halt_until=NOW + 5)
    new = RunRequest(task="t", agent="a")
    assert postponement(new, [], halted, NOW) == Postponed(task="t", reason="no slot can be made ready", until=NOW + 5)
    assert postponement(replace(new, needs_slot=False), [], halted, NOW) is None


def test_one_run_finds_out_whether_slots_can_be_made_ready_again() -> None:
    probing = Capacity(total=3, per_agent={}, one_slot_at_a_time=True)
    actions = next_actions([candidate("a"), candidate("b")], [ActiveRun(task="c", agent="a")], probing, NOW)
    assert started(actions) == ["a"]
    assert postponed(actions) == {"b": "waits for a, which tries whether slots can be made ready again"}
    preparing = [ActiveRun(task="a", agent="a", preparing=True)]
    assert postponement(RunRequest(task="t", agent="a", needs_slot=False), preparing, probing, NOW) is None


def test_no_more_runs_of_an_agent_that_fails_at_once_are_begun_than_may_fail() -> None:
    doubted = Capacity(total=9, per_agent={}, failures={"a": 3})
    active = [ActiveRun(task="old", agent="a", tested_at=NOW), ActiveRun(task="new", agent="a", tested_at=NOW + 4)]
    actions = next_actions([candidate("x"), candidate("y"), candidate("z", agent="b")], active, doubted, NOW)
    assert started(actions) == ["x", "z"]
    (waits,) = [action for action in actions if isinstance(action, Postponed)]
    assert waits.reason == "waits to see whether agent a works: its last 3 runs failed at once"
    assert waits.until == NOW + 4, "the run is not in doubt any more from then on"


@pytest.mark.parametrize("needs_slot", [True, False])
@pytest.mark.parametrize(
    ("request_", "capacity_", "reason", "until"),
    [
        (RunRequest(task="t", agent="a"), Capacity(total=1, per_agent={}, halt_reason="aborted"), "aborted", None),
        (RunRequest(task="t", agent="a", not_before=NOW + 1), Capacity(total=1, per_agent={}),
         "waits before its next attempt", NOW + 1),
        (RunRequest(task="t", agent="a", blocked_reason="cools down", blocked_until=NOW + 9),
         Capacity(total=1, per_agent={}), "cools down", NOW + 9),
        (RunRequest(task="t", agent="a"), Capacity(total=0, per_agent={}), "waits for a free place: 0 of 0 are taken", None),
        (RunRequest(task="t", agent="a"), Capacity(total=1, per_agent={"a": 0}), "waits for agent a: 0 of 0 at work", None),
        (RunRequest(task="t", agent="b", touches=("x",)), Capacity(total=1, per_agent={}),
         "waits for w, which touches the same files", None),
    ],
)  # fmt: skip
def test_every_obstacle_holds_for_every_run(
    request_: RunRequest, capacity_: Capacity, reason: str, until: float | None, *, needs_slot: bool
) -> None:
    others = [ActiveRun(task="w", agent="a", touches=("x",), waiting=True)]
    found = postponement(replace(request_, needs_slot=needs_slot), others, capacity_, NOW)
    assert found == Postponed(task="t", reason=reason, until=until)


TASKS = st.lists(
    st.builds(
        StartCandidate,
        task=st.text("abcdef", min_size=1, max_size=2),
        agent=st.sampled_from("xy"),
        priority=st.sampled_from([0.0, 1.0, 2.0]),
        chain_length=st.integers(1, 3),
        since=st.sampled_from([1.0, 2.0]),
        touches=st.sampled_from([(), ("src/**",), ("docs/*",), ("src/a.py",)]),
        not_before=st.sampled_from([0.0, NOW, NOW + 1]),
    ),
    unique_by=lambda task: task.task,
    max_size=8,
)
CAPACITIES = st.builds(
    Capacity,
    total=st.integers(0, 4),
    per_agent=st.dictionaries(st.sampled_from("xy"), st.integers(0, 2)),
    halt_reason=st.just(""),
)


@given(TASKS, CAPACITIES)
def test_limits_hold_and_nothing_that_fits_waits(tasks: list[StartCandidate], capacity: Capacity) -> None:
    actions = next_actions(tasks, [], capacity, NOW)
    by_id = {task.task: task for task in tasks}
    running = [by_id[name] for name in started(actions)]
    assert sorted([*started(actions), *postponed(actions)]) == sorted(by_id), "each task is told of once"
    assert len(running) <= capacity.total
    for agent, limit in capacity.per_agent.items():
        assert sum(task.agent == agent for task in running) <= limit
    assert not any(overlapping(a.touches, b.touches) for a in running for b in running if a is not b)
    for name in postponed(actions):
        task = by_id[name]
        fits = (
            task.not_before <= NOW
            and len(running) < capacity.total
            and sum(other.agent == task.agent for other in running) < capacity.per_agent.get(task.agent, 99)
            and not any(overlapping(task.touches, other.touches) for other in running)
        )
        assert not fits


@given(TASKS, st.integers(1, 3))
def test_no_task_starves(tasks: list[StartCandidate], total: int) -> None:
    """Every task starts in the end, when each round's runs are over before the next."""
    left = list(tasks)
    for _ in tasks:
        gone = set(started(next_actions(left, [], Capacity(total=total, per_agent={}), NOW + 2)))
        assert gone or not left
        left = [task for task in left if task.task not in gone]
    assert not left


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("src/ui/**", "src/ui/a.ts", True),
        ("src/ui/**", "src/*", True),
        ("src/ui/**", "docs/**", False),
        ("a.py", "a.py", True),
        ("a.py", "b.py", False),
        ("src/a.py", "src/a.py.txt", False),
        ("**", "anything", True),
        ("*.py", "src/a.py", True),
        ("src/a?.py", "src/ab.py", True),
        ("src/[ab].py", "src/a.py", True),
    ],
)
def test_patterns_that_may_mean_the_same_file(one: str, other: str, meet: bool) -> None:
    assert overlapping([one], [other]) is meet
    assert overlapping([other], [one]) is meet
    assert overlapping([one, "else"], ["nothing", other]) is meet
    assert not overlapping([one], [])
