"""In which order ready tasks start, what is said of the rest, and that a plan is the one that all tasks ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.dispatch.scheduling.plan_inputs import PlanInputs, RequestedAgent, StartAllowance
from coworkd.dispatch.scheduling.ready_queue import OLDEST_EVERY, STARVING_AFTER, ReadyQueue
from coworkd.dispatch.scheduling.scheduler import (
    MEMORY_FLOOR,
    MEMORY_OF_A_RUN,
    MEMORY_PAUSE,
    ActiveRun,
    Capacity,
    Postponed,
    RunRequest,
    patterns_overlap,
    postponement,
)
from coworkd.dispatch.scheduling.start_order import QueuedTask

NOW = 10_000.0
AGENTS = {name: RequestedAgent(agent=name) for name in "abxy"}


def queued(task: str, *, since: float = NOW, agent: str = "a", **more: object) -> QueuedTask:
    plain = QueuedTask(task=task, requested=agent, priority=2, chain_length=1, since=since)
    return replace(plain, **more)


def situation(total: int = 9, active: Sequence[ActiveRun] = (), **more: object) -> PlanInputs:
    plain = PlanInputs(agents=AGENTS, active=active, capacity=Capacity(total=total, per_agent={}))
    return replace(plain, **more)


def queue_of(*tasks: QueuedTask) -> ReadyQueue:
    queue = ReadyQueue()
    queue.put(tasks)
    return queue


def started(queue: ReadyQueue, given: PlanInputs, now: float = NOW) -> list[str]:
    return [start.task for start in queue.plan(given, now)]


def reasons(queue: ReadyQueue, *tasks: str) -> dict[str, str]:
    found = {task: queue.reason(task) for task in tasks}
    return {task: postponed.reason for task, postponed in found.items() if postponed is not None}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (queued("z", priority=0), queued("a", priority=1, chain_length=9)),
        (queued("z", chain_length=3, since=NOW - 5), queued("a", chain_length=2, since=NOW - 9)),
        (queued("z", since=NOW - 9), queued("a", since=NOW - 5)),
        (queued("a"), queued("b")),
        (queued("z", priority=1.5), queued("a", priority=2)),
        (queued("z", priority=1, agent="b"), queued("a", priority=2)),
    ],
)
def test_priority_then_critical_path_then_age_then_name(first: QueuedTask, second: QueuedTask) -> None:
    for order in ([first, second], [second, first]):
        assert started(queue_of(*order), situation(1)) == [first.task]


def test_each_task_that_waits_has_its_reason() -> None:
    queue = queue_of(
        queued("backoff", not_before=NOW + 5),
        queued("limit", agent="b"),
        queued("touching", touches=("src/ui/*.ts",)),
        queued("fits", priority=3),
        queued("full", priority=4),
        queued("full-too", priority=5),
    )
    active = [ActiveRun(task="other", agent="b", touches=("src/**",))]
    assert started(queue, situation(active=active, capacity=Capacity(total=2, per_agent={"b": 1}))) == ["fits"]
    assert reasons(queue, "backoff", "limit", "touching", "fits", "full", "full-too") == {
        "backoff": "waits before its next attempt",
        "limit": "waits for agent b: 1 of 1 at work",
        "touching": "waits for other, which touches the same files",
        "full": "waits for a free place: 2 of 2 are taken",
        "full-too": "waits for a free place: 2 of 2 are taken",
    }
    assert queue.deadline() == NOW + 5


def test_a_halt_starts_nothing_and_says_so() -> None:
    queue = queue_of(queued("a"), queued("b"))
    halted = situation(capacity=Capacity(total=9, per_agent={}, halt_reason="stopped", halt_until=NOW + 3))
    assert started(queue, halted) == []
    assert reasons(queue, "a", "b") == {"a": "stopped", "b": "stopped"}
    assert queue.deadline() == NOW + 3
    assert started(queue, situation()) == ["a", "b"]
    assert not reasons(queue, "a", "b")


def test_a_run_that_waits_for_a_person_frees_its_place_but_not_its_files() -> None:
    waiting = [ActiveRun(task="w", agent="a", touches=("x",), waiting=True)]
    queue = queue_of(queued("same", priority=1, touches=("x",)), queued("other"))
    assert started(queue, situation(active=waiting, capacity=Capacity(total=1, per_agent={"a": 1}))) == ["other"]
    assert reasons(queue, "same") == {"same": "waits for w, which touches the same files"}


def test_a_task_behind_another_starts_when_that_is_over() -> None:
    queue = queue_of(queued("same", touches=("x",)))
    active = [ActiveRun(task="w", agent="a", touches=("x",))]
    assert started(queue, situation(active=active)) == []
    assert started(queue, situation(active=active)) == []
    assert started(queue, situation()) == ["same"]


def test_one_run_finds_out_whether_slots_can_be_made_ready_again() -> None:
    probing = Capacity(total=3, per_agent={}, one_slot_at_a_time=True)
    queue = queue_of(queued("a"), queued("b"))
    assert started(queue, situation(active=[ActiveRun(task="c", agent="a")], capacity=probing)) == ["a"]
    assert reasons(queue, "b") == {"b": "waits for a, which tries whether slots can be made ready again"}


def test_no_more_runs_of_an_agent_that_fails_at_once_are_begun_than_may_fail() -> None:
    doubted = Capacity(total=9, per_agent={}, failures={"a": 3})
    active = [ActiveRun(task="old", agent="a", tested_at=NOW), ActiveRun(task="new", agent="a", tested_at=NOW + 4)]
    queue = queue_of(queued("x"), queued("y"), queued("z", agent="b"))
    assert started(queue, situation(active=active, capacity=doubted)) == ["x", "z"]
    assert reasons(queue, "y") == {"y": "waits to see whether agent a works: its last 3 runs failed at once"}
    assert queue.deadline() == NOW + 4, "the run is not in doubt any more from then on"


def test_a_provider_has_its_own_limit() -> None:
    agents = {
        "a": RequestedAgent(agent="a", provider="anthropic"),
        "b": RequestedAgent(agent="b", provider="anthropic"),
        "x": AGENTS["x"],
    }
    capacity = Capacity(total=9, per_agent={}, per_provider={"anthropic": 2})
    active = [
        ActiveRun(task="w", agent="z", provider="anthropic"),
        ActiveRun(task="v", agent="z", provider="anthropic", waiting=True),
    ]
    queue = queue_of(queued("k"), queued("l", agent="b"), queued("m", agent="x"))
    assert started(queue, situation(active=active, capacity=capacity, agents=agents)) == ["k", "m"]
    assert reasons(queue, "l") == {"l": "waits for provider anthropic: 2 of 2 runs at work"}


def test_no_run_begins_without_memory_beside_another_and_one_always_may() -> None:
    queue = queue_of(queued("k"), queued("l"), queued("m"))
    little = Capacity(total=9, per_agent={}, memory=10 * 2**20)
    assert started(queue, situation(capacity=little)) == ["k"], "the first one may always begin"
    assert reasons(queue, "l", "m") == dict.fromkeys(
        "lm", "waits for memory: 0.0 GB are free, and 1 at work have just begun"
    )
    assert queue.deadline() == NOW + MEMORY_PAUSE


@pytest.mark.parametrize(("begun", "starts"), [(0, 3), (1, 2), (2, 1), (3, 0)])
def test_runs_that_have_just_begun_are_taken_to_use_their_memory_yet(begun: int, starts: int) -> None:
    free = Capacity(total=99, per_agent={}, memory=MEMORY_FLOOR + 3 * MEMORY_OF_A_RUN)
    old = [ActiveRun(task=f"old-{number}", agent="a", tested_at=NOW) for number in range(20)]
    new = [ActiveRun(task=f"new-{number}", agent="a", tested_at=NOW + 1) for number in range(begun)]
    queue = queue_of(*(queued(f"t{number}") for number in range(9)))
    assert len(started(queue, situation(active=[*old, *new], capacity=free))) == starts


def test_no_more_runs_start_at_once_than_are_allowed() -> None:
    queue = queue_of(*(queued(f"t{number}") for number in range(9)))
    assert len(started(queue, situation(99, allowance=StartAllowance(max_starts=4, until=NOW + 0.5)))) == 4
    assert reasons(queue, "t8") == {"t8": "waits a moment: many runs have just started"}
    assert queue.deadline() == NOW + 0.5


def test_an_agent_that_is_not_to_be_used_holds_its_tasks_alone() -> None:
    agents = {**AGENTS, "b": RequestedAgent(agent="b", blocked=Postponed(reason="cools down", until=NOW + 7))}
    queue = queue_of(queued("x", agent="b"), queued("y"), queued("z", agent="b"))
    assert started(queue, situation(agents=agents)) == ["y"]
    assert reasons(queue, "x", "z") == {"x": "cools down", "z": "cools down"}
    assert queue.deadline() == NOW + 7


def test_a_task_whose_budget_is_used_up_waits_until_budgets_change() -> None:
    left = {"x": Postponed(reason="budget used up")}
    agents = {**AGENTS, "a": RequestedAgent(agent="a", check_budget=left.get)}
    queue = queue_of(queued("x"), queued("y"))
    assert started(queue, situation(agents=agents, budgets=1)) == ["y"]
    assert reasons(queue, "x") == {"x": "budget used up"}
    left.clear()
    queue.remove("y")
    assert started(queue, situation(agents=agents, budgets=1)) == []
    assert started(queue, situation(agents=agents, budgets=2)) == ["x"]


def test_new_tasks_wait_for_those_that_were_saved_with_them() -> None:
    queue = queue_of(queued("new", since=NOW), queued("tried", since=NOW, attempted=True), queued("old", since=NOW - 1))
    gathering = situation(gathering_until=NOW + 0.2, gathering_time=0.3)
    assert started(queue, gathering) == ["old", "tried"]
    assert reasons(queue, "new") == {"new": "waits for others that were saved with it"}
    assert queue.deadline() == NOW + 0.2
    queue.remove("old")
    queue.put([queued("urgent", since=NOW, priority=0)])
    assert started(queue, situation(1), NOW + 0.2) == ["urgent"]


def test_a_start_that_came_to_nothing_is_planned_again() -> None:
    queue = queue_of(queued("a"))
    assert started(queue, situation()) == ["a"]
    assert started(queue, situation()) == ["a"]
    queue.postpone_started("a", Postponed(reason="reserved by others"))
    assert started(queue, situation()) == []
    assert reasons(queue, "a") == {"a": "reserved by others"}


def test_only_tasks_whose_own_reason_changes_are_written() -> None:
    queue = queue_of(*(queued(f"t{number:03}") for number in range(200)), queued("x", touches=("x",)))
    active = [ActiveRun(task="w", agent="a", touches=("x",))]
    assert started(queue, situation(3, active)) == ["t000", "t001"]
    assert not queue.changed, "the tasks behind the last place are not looked at"
    assert started(queue, situation(300, active))[-1] == "t199"
    assert queue.changed == {"x"}


# ---- properties

TASKS = st.lists(
    st.builds(
        QueuedTask,
        task=st.text("abcdef", min_size=1, max_size=2),
        requested=st.sampled_from("xy"),
        priority=st.sampled_from([0.0, 1.0, 2.0]),
        chain_length=st.integers(1, 3),
        since=st.sampled_from([NOW - 2 * STARVING_AFTER, NOW - 1.0, NOW]),
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
    failures=st.dictionaries(st.sampled_from("xy"), st.integers(1, 4)),
)


def _plainly(tasks: Sequence[QueuedTask], given: PlanInputs, now: float) -> list[str]:
    """The plan by looking at every task in order, one after another."""
    left = sorted(tasks, key=lambda task: (task.priority, -task.chain_length, task.since, task.task))
    taken, starts = list(given.active), list[str]()
    while True:
        fits = [task for task in left if postponement(_request(task), taken, given.capacity, now) is None]
        if not fits:
            return starts
        by_age = (given.earlier_starts + len(starts)) % OLDEST_EVERY == OLDEST_EVERY - 1
        oldest = min(fits, key=lambda task: (task.since, task.task))
        task = oldest if by_age and oldest.since <= now - STARVING_AFTER else fits[0]
        left.remove(task)
        starts.append(task.task)
        taken.append(ActiveRun(task=task.task, agent=task.requested, touches=task.touches, preparing=True))


def _request(task: QueuedTask) -> RunRequest:
    return RunRequest(task=task.task, agent=task.requested, touches=task.touches, not_before=task.not_before)


CHANGES = st.lists(st.tuples(TASKS, CAPACITIES, st.integers(0, 9), st.booleans()), min_size=1, max_size=5)


@given(CHANGES)
def test_what_is_kept_from_plan_to_plan_leads_to_the_same_starts(
    changes: list[tuple[list[QueuedTask], Capacity, int, bool]],
) -> None:
    queue, present, active, now = ReadyQueue(), dict[str, QueuedTask](), list[ActiveRun](), NOW
    for tasks, capacity, earlier_starts, all_end in changes:
        running = {run.task for run in active}
        new = [task for task in tasks if task.task not in running]
        queue.put(new)
        present |= {task.task: task for task in new}
        active = [] if all_end else active
        given_ = PlanInputs(agents=AGENTS, active=active, capacity=capacity, earlier_starts=earlier_starts)
        expected = _plainly(list(present.values()), given_, now)
        assert started(queue, given_, now) == expected
        for task in present.keys() - set(expected):
            assert (why := queue.reason(task)) is not None
            assert why.reason, "whatever does not start has its reason"
        for task in expected:
            queue.remove(task)
            begun = present.pop(task)
            active.append(ActiveRun(task=task, agent=begun.requested, touches=begun.touches))
        now += 0.5


CAUSES = {
    "halt": "stopped by hand", "place": "waits for a free place", "agent": "waits for agent x",
    "doubt": "waits to see whether agent x works", "files": "waits for other", "time": "waits before its next attempt",
}  # fmt: skip


@pytest.mark.parametrize("cause", CAUSES)
@given(tasks=TASKS)
def test_the_reason_names_the_cause(cause: str, tasks: list[QueuedTask]) -> None:
    """Every other obstacle taken away, the one that is left is what is said of each task."""
    capacity = Capacity(total=99, per_agent={})
    given_ = {
        "halt": situation(capacity=replace(capacity, halt_reason="stopped by hand")),
        "place": situation(0),
        "agent": situation(capacity=replace(capacity, per_agent={"x": 0})),
        "doubt": situation(
            active=[ActiveRun(task="untested", agent="x")], capacity=replace(capacity, failures={"x": 4})
        ),
        "files": situation(active=[ActiveRun(task="other", agent="z", touches=("**",))]),
        "time": situation(),
    }[cause]
    touches, not_before = (("a.py",) if cause == "files" else (), NOW + 1 if cause == "time" else 0.0)
    queue = queue_of(
        *(replace(task, requested="x", touches=touches, not_before=not_before) for task in tasks)
    )  # fmt: skip
    assert started(queue, given_) == []
    for task in tasks:
        assert reasons(queue, task.task)[task.task].startswith(CAUSES[cause])


@given(TASKS, CAPACITIES)
def test_limits_hold_and_nothing_that_fits_waits(tasks: list[QueuedTask], capacity: Capacity) -> None:
    queue = queue_of(*tasks)
    names = started(queue, situation(capacity=capacity))
    by_id = {task.task: task for task in tasks}
    running = [by_id[name] for name in names]
    assert len(running) <= capacity.total
    for agent, limit in capacity.per_agent.items():
        assert sum(task.requested == agent for task in running) <= limit
    assert not any(patterns_overlap(a.touches, b.touches) for a in running for b in running if a is not b)


@given(
    arrivals=st.lists(st.integers(0, 3), min_size=12 * OLDEST_EVERY, max_size=12 * OLDEST_EVERY),
    older=st.integers(0, 3),
    places=st.integers(1, 2),
)
def test_an_old_task_starts_within_its_bound_whatever_arrives(arrivals: list[int], older: int, places: int) -> None:
    """Urgent tasks arrive in every round; n tasks are older: it starts after (n + 1) x OLDEST_EVERY starts."""
    queue = queue_of(
        queued("old", since=NOW - STARVING_AFTER, priority=3),
        *(queued(f"older-{number}", since=NOW - STARVING_AFTER - 1, priority=3) for number in range(older)),
    )
    starts: list[str] = []
    for round_, count in enumerate(arrivals):
        at = NOW + round_
        queue.put([queued(f"urgent-{round_}-{number}", since=at, priority=0) for number in range(count + places)])
        new = started(queue, situation(places, earlier_starts=len(starts)), at)
        for task in new:
            queue.remove(task)
        starts += new
    assert starts.index("old") < (older + 1) * OLDEST_EVERY


@given(st.lists(st.integers(0, 2), min_size=1, max_size=2 * OLDEST_EVERY))
def test_before_that_the_order_is_by_priority_alone(priorities: list[int]) -> None:
    tasks = [queued(f"t{number:02}", priority=priority) for number, priority in enumerate(priorities)]
    queue = queue_of(*tasks)
    names = started(queue, situation(len(tasks)))
    assert names == [task.task for task in sorted(tasks, key=lambda task: (task.priority, task.task))]
