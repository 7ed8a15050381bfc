"""What a stacked task builds on, and when that has changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.model import Status
from coworkd.core.stack_rules import DependencyFacts, Stack, StackedOn, find_stack, parents_of, reason_to_move
from coworkd.core.submission_states import SubmissionState
from coworkd.core.task_states import BLOCKS_DEPENDANTS

S = SubmissionState
ON_A1 = Stack(parents=(StackedOn("a", 1),))


def facts(status: Status = Status.REVIEW, submission: int = 1, needs: tuple[str, ...] = ()) -> DependencyFacts:
    return DependencyFacts(status=status, submission=submission, needs=needs)


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ({"a": facts()}, ON_A1),
        ({"a": facts(submission=2), "b": facts()}, Stack(parents=(StackedOn("a", 2), StackedOn("b", 1)))),
        # Of a chain, what is below comes first.
        ({"a": facts(needs=("c",)), "c": facts(submission=3)}, Stack(parents=(StackedOn("c", 3), StackedOn("a", 1)))),
        (
            {"a": facts(Status.RUNNING, submission=0)},
            Stack(waits="stacked on a, which is running: waits for its next submission"),
        ),
        (
            {"a": facts(needs=("c",)), "c": facts(Status.READY, submission=0)},
            Stack(waits="stacked on c, which is ready: waits for its next submission"),
        ),
        (
            {"a": facts(Status.FAILED, submission=0), "b": facts(Status.READY, submission=0)},
            Stack(
                blocked="stacked on a, which is failed: it is blocked; make that ready again, or close it with `done`"
            ),
        ),
    ],
)
def test_what_a_task_builds_on(known: dict[str, DependencyFacts], found: Stack) -> None:
    assert find_stack([task for task in ("a", "b") if task in known], known) == found


GRAPHS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(
        facts,
        status=st.sampled_from(Status),
        submission=st.integers(0, 2),
        needs=st.lists(st.sampled_from("abcdef"), unique=True).map(tuple),
    ),
    min_size=1,
)


@given(GRAPHS)
def test_nothing_is_built_on_what_is_missing_or_blocked(known: dict[str, DependencyFacts]) -> None:
    needs = sorted(known)[:2]
    stack = find_stack(needs, known)
    if stack.obstacle:
        assert stack.parents == ()
        return
    tasks = [parent.task for parent in stack.parents]
    assert len(tasks) == len(set(tasks))
    assert set(needs) <= set(tasks)
    assert all(known[parent.task].submission == parent.number > 0 for parent in stack.parents)
    assert not any(known[task].status in BLOCKS_DEPENDANTS for task in tasks)
    assert {behind for task in tasks for behind in known[task].needs if behind in known} <= set(tasks)


@given(st.lists(st.tuples(st.sampled_from(["a", "ui/dark", "b-2"]), st.integers(1, 99))))
def test_what_a_row_has_is_read_back(parents: list[tuple[str, int]]) -> None:
    stack = Stack(parents=tuple(StackedOn(*parent) for parent in parents))
    assert parents_of(stack.encoded) == stack.parents


@pytest.mark.parametrize(
    ("state", "recorded", "stack", "moves"),
    [
        (S.GREEN, "a/1", ON_A1, False),
        (S.GREEN, "a/1", Stack(parents=(StackedOn("a", 2),)), True),
        (S.HELD, "a/1", Stack(parents=(StackedOn("a", 2),)), True),
        (S.CONFLICTED, "a/1", Stack(parents=(StackedOn("a", 2),)), True),
        (S.QUEUED, "a/1", Stack(parents=(StackedOn("a", 2),)), False),
        (S.GREEN, "a/1", Stack(waits="waits"), True),
        (S.GREEN, "a/1", Stack(blocked="blocked"), True),
        # What has landed is below the tip.
        (S.GREEN, "a/1 b/1", ON_A1, False),
        (S.GREEN, "a/1", Stack(), False),
        (S.LANDED, "a/1", Stack(waits="waits"), False),
    ],
)
def test_when_a_submission_is_moved(state: SubmissionState, recorded: str, stack: Stack, moves: bool) -> None:
    assert bool(reason_to_move(state, recorded, stack)) is moves
