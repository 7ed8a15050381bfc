from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.dispatch.scheduling.scheduler import (
    Action,
    ActiveRun,
    Candidate,
    Capacity,
    Postponed,
    StartRun,
    next_actions,
    overlapping,
)

NOW = 1000.0


def ready(
    task: str, priority: float = 2, weight: int = 1, since: float = 0, agent: str = "a", **more: object
) -> Candidate:
    touches = more.get("touches", ())
    assert isinstance(touches, tuple)
    due = more.get("not_before", 0.0)
    assert isinstance(due, float)
    return Candidate(
        task=task, agent=agent, priority=priority, chain_length=weight, since=since, touches=touches, not_before=due
    )


def room(total: int = 9, halted: str = "", **agents: int) -> Capacity:
    return Capacity(total=total, per_agent=agents, halt_reason=halted)


def started(actions: Sequence[Action]) -> list[str]:
    return [action.task for action in actions if isinstance(action, StartRun)]


def waits(actions: Sequence[Action]) -> dict[str, str]:
    return {action.task: action.reason for action in actions if isinstance(action, Postponed)}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (ready("z", priority=0), ready("a", priority=1, weight=9)),
        (ready("z", weight=3, since=5), ready("a", weight=2)),
        (ready("z", since=1), ready("a", since=2)),
        (ready("a"), ready("b")),
        (ready("z", priority=1.5), ready("a", priority=2)),
    ],
)
def test_priority_then_critical_path_then_age_then_name(first: Candidate, second: Candidate) -> None:
    for order in ([first, second], [second, first]):
        assert started(next_actions(order, [], room(1), NOW)) == [first.task]


def test_what_does_not_start_says_why() -> None:
    busy = [ActiveRun(task="other", agent="b", touches=("src/**",))]
    actions = next_actions(
        [
            ready("backoff", not_before=NOW + 5),
            ready("limit", agent="b"),
            ready("touching", touches=("src/ui/*.ts",)),
            ready("fits", priority=3),
            ready("full", priority=4),
        ],
        busy,
        room(2, b=1),
        NOW,
    )
    assert started(actions) == ["fits"]
    assert waits(actions) == {
        "backoff": "waits before its next attempt",
        "limit": "waits for agent b: 1 of 1 at work",
        "touching": "waits for other, which touches the same files",
        "full": "waits for a free place: 2 of 2 are taken",
    }
    assert [a.until for a in actions if isinstance(a, Postponed) and a.task == "backoff"] == [NOW + 5]


def test_a_halt_starts_nothing_and_says_so() -> None:
    assert waits(next_actions([ready("a"), ready("b")], [], room(halted="stopped"), NOW)) == {
        "a": "stopped",
        "b": "stopped",
    }


def test_who_waits_for_a_person_gives_up_the_place_but_not_the_files() -> None:
    waiting = [ActiveRun(task="w", agent="a", touches=("x",), waiting=True)]
    actions = next_actions([ready("same", priority=1, touches=("x",)), ready("other")], waiting, room(1, a=1), NOW)
    assert started(actions) == ["other"]
    assert waits(actions) == {"same": "waits for w, which touches the same files"}


TASKS = st.lists(
    st.builds(
        Candidate,
        task=st.text("abcdef", min_size=1, max_size=2),
        agent=st.sampled_from("xy"),
        priority=st.sampled_from([0.0, 1.0, 2.0]),
        weight=st.integers(1, 3),
        since=st.sampled_from([1.0, 2.0]),
        touches=st.sampled_from([(), ("src/**",), ("docs/*",), ("src/a.py",)]),
        not_before=st.sampled_from([0.0, NOW, NOW + 1]),
    ),
    unique_by=lambda task: task.task,
    max_size=8,
)
ROOMS = st.builds(
    Capacity,
    total=st.integers(0, 4),
    agents=st.dictionaries(st.sampled_from("xy"), st.integers(0, 2)),
    halted=st.just(""),
)


@given(TASKS, ROOMS)
def test_limits_hold_and_nothing_that_fits_waits(tasks: list[Candidate], rooms: Capacity) -> None:
    actions = next_actions(tasks, [], rooms, NOW)
    by_id = {task.task: task for task in tasks}
    running = [by_id[name] for name in started(actions)]
    assert sorted([*started(actions), *waits(actions)]) == sorted(by_id), "each task is told of once"
    assert len(running) <= rooms.total
    for agent, limit in rooms.per_agent.items():
        assert sum(task.agent == agent for task in running) <= limit
    assert not any(overlapping(a.touches, b.touches) for a in running for b in running if a is not b)
    for name in waits(actions):
        task = by_id[name]
        fits = (
            task.not_before <= NOW
            and len(running) < rooms.total
            and sum(other.agent == task.agent for other in running) < rooms.per_agent.get(task.agent, 99)
            and not any(overlapping(task.touches, other.touches) for other in running)
        )
        assert not fits


@given(TASKS, st.integers(1, 3))
def test_nobody_starves(tasks: list[Candidate], total: int) -> None:
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
