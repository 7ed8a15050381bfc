from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.model import Status
from coworkd.core.plan_rollup import ROLLUP_ORDER, TaskTotals, roll_up, rolled_up_status
from coworkd.core.plan_tree import PlanTree
from tests.unit.core.test_plan_tree import plan


def totals(
    status: Status, tasks: int = 1, size: float | None = None, *, usd: float = 0.0, unknown: int = 0
) -> TaskTotals:
    return TaskTotals(
        status=status, tasks=tasks, size=float(tasks if size is None else size), cost_usd=usd, unknown_costs=unknown
    )


@pytest.mark.parametrize(("first", "second"), list(pairwise(ROLLUP_ORDER)))
def test_the_first_status_of_the_order_counts(first: Status, second: Status) -> None:
    assert rolled_up_status({second: 5, first: 1}) is first


def test_every_status_has_its_place() -> None:
    assert set(ROLLUP_ORDER) == set(Status)


def test_done_only_when_all_that_is_not_cancelled_is() -> None:
    assert rolled_up_status({Status.DONE: 2, Status.CANCELLED: 1}) is Status.DONE
    assert rolled_up_status({Status.DONE: 2, Status.DRAFT: 1}) is Status.DRAFT
    assert rolled_up_status({Status.CANCELLED: 1}) is Status.CANCELLED
    assert rolled_up_status({}) is Status.DRAFT


def test_progress_goes_by_size_and_cancelled_tasks_count_for_nothing() -> None:
    tree = PlanTree([plan("a")])
    own = {"a": [totals(Status.DONE, 1, 3.0), totals(Status.READY, 1), totals(Status.CANCELLED, 4, 40.0)]}
    found = roll_up(tree, own)["a"]
    assert (found.progress, found.tasks, found.done) == (0.75, 2, 1)


def test_a_plan_below_counts_by_its_own_size() -> None:
    tree = PlanTree([plan("top"), plan("small", "top"), plan("large", "top", size=3.0), plan("empty", "top")])
    own = {"small": [totals(Status.DONE, 7)], "large": [totals(Status.DRAFT, 2), totals(Status.DONE, 2)]}
    found = roll_up(tree, own)["top"]
    assert found.progress == (1 + 3 * 0.5) / 4
    assert (found.status, found.tasks, found.done) == (Status.DRAFT, 11, 9)


def test_the_cost_is_a_sum_and_at_least_that_where_one_is_unknown() -> None:
    tree = PlanTree([plan("top"), plan("a", "top"), plan("b", "top")])
    own = {"a": [totals(Status.DONE, usd=0.5)], "b": [totals(Status.DONE, usd=0.25), totals(Status.FAILED, unknown=1)]}
    found = roll_up(tree, own)
    assert (found["a"].cost_usd, found["a"].cost_is_least) == (0.5, False)
    assert (found["top"].cost_usd, found["top"].cost_is_least) == (0.75, True)


@given(st.dictionaries(st.sampled_from(Status), st.integers(1, 9)))
def test_progress_is_one_just_when_the_plan_is_done(counts: dict[Status, int]) -> None:
    found = roll_up(PlanTree([plan("a")]), {"a": [totals(status, tasks) for status, tasks in counts.items()]})["a"]
    assert 0 <= found.progress <= 1
    assert (found.progress == 1) == (found.status is Status.DONE)
