"""Conflicts over the same paths are resolved one after another, and only rounds that failed count."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.agents.port import Assignment
from coworkd.agents.testing import ScriptSteps
from coworkd.core.conflict_facts import ConflictFacts
from coworkd.core.model import Status
from coworkd.dispatch.executors.slot_results import FinishRequest, FinishResult, Imported, NoChanges, SavedWork
from coworkd.store import SubmissionRow, SubmissionState
from tests.integration.dispatchkit import Bench, fails, says

SAME = ConflictFacts(paths=("app.py",))


def script(order: Assignment) -> ScriptSteps:
    """The first run of a task is done at once; one that resolves a conflict works on."""
    while order.conflict:
        yield None


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, script)
    bench.config("approve: []\nconcurrency: 5\n")
    bench.agent("main")
    yield bench
    bench.close()


def conflict(bench: Bench, task: str, facts: ConflictFacts = SAME, tip: str = "T1") -> None:
    """The latest submission of a task conflicts."""
    row = bench.db.one(SubmissionRow, "task = ? ORDER BY number DESC", task)
    assert row is not None
    with bench.db.write():
        bench.db.state.integration_tip = tip
        bench.db.set(
            SubmissionRow, row.key, state=SubmissionState.CONFLICTED, bundle=f"/{task}-{row.number}.json",
            verified_on=tip, conflict=facts.text(),
        )  # fmt: skip


def submission(bench: Bench, task: str) -> SubmissionRow:
    row = bench.db.one(SubmissionRow, "task = ? ORDER BY number DESC", task)
    assert row is not None
    return row


def submit(bench: Bench, *tasks: str) -> None:
    for task in tasks:
        bench.task(task)
    bench.turn()
    bench.turn()


def resolving(bench: Bench) -> list[str]:
    return [given.task for given in bench.given if given.conflict]


def test_colliding_conflicts_go_back_one_after_another(bench: Bench) -> None:
    submit(bench, "a", "b", "c")
    conflict(bench, "a")
    conflict(bench, "b")
    conflict(bench, "c", ConflictFacts(paths=("other.py",)))
    bench.turn()
    assert sorted(resolving(bench)) == ["a", "c"]
    assert bench.status("b") is Status.MERGING
    assert bench.reason("b") == "its conflict waits until `a` has landed, which changes app.py, too"


def test_the_next_one_is_merged_with_what_landed_before_its_author_is_asked(bench: Bench) -> None:
    submit(bench, "a", "b", "c")
    for task in "abc":
        conflict(bench, task)
    bench.turn()
    with bench.db.write():
        bench.board.stop_runs("a")
        bench.db.set(SubmissionRow, ("a", 1), state=SubmissionState.LANDED)
        bench.db.state.integration_tip = "T2"
    bench.turn()
    bench.turn()
    assert resolving(bench) == ["a"]
    assert [submission(bench, task).state for task in "bc"] == [SubmissionState.QUEUED, SubmissionState.CONFLICTED]
    conflict(bench, "b", tip="T2")
    bench.turn()
    assert resolving(bench) == ["a", "b"]
    assert "`b`" in bench.reason("c")


def test_a_resolution_in_review_holds_up_only_what_needs_an_approval(bench: Bench) -> None:
    submit(bench, "a", "b", "c")
    with bench.db.write():
        bench.db.set(
            SubmissionRow, ("a", 1), state=SubmissionState.GREEN, needs_approval=True, conflict=SAME.text()
        )  # fmt: skip
        bench.db.set(SubmissionRow, ("b", 1), needs_approval=True)
        bench.db.set(SubmissionRow, ("c", 1), needs_approval=False)
    conflict(bench, "b")
    bench.turn()
    assert resolving(bench) == []
    conflict(bench, "c")
    bench.turn()
    assert resolving(bench) == ["c"]


def _changes_nothing(order: FinishRequest) -> FinishResult:
    if order.tip:
        return NoChanges()
    return Imported(commit=f"work-{order.run}", tree=f"tree-{order.run}")


def test_two_rounds_that_change_nothing_leave_the_conflict_to_a_person(bench: Bench) -> None:
    bench.made = _changes_nothing
    submit(bench, "a")
    bench.script = says()
    conflict(bench, "a")
    bench.turn()
    bench.turn()
    assert resolving(bench) == ["a", "a"]
    assert bench.status("a") is Status.WAITING
    row = submission(bench, "a")
    assert (row.number, row.state) == (1, SubmissionState.CONFLICTED)
    assert "2 rounds did not resolve it" in bench.reason("a")


def test_the_next_round_is_told_why_the_one_before_failed(bench: Bench) -> None:
    submit(bench, "a")
    bench.made = lambda _: SavedWork(unusable_reason="conflicts were left unresolved in app.py")
    bench.script = says()
    conflict(bench, "a")
    bench.turn()
    first, second = (given.prompt for given in bench.given if given.conflict)
    assert "left unresolved" not in first
    assert "## The attempt before this one failed\n\nconflicts were left unresolved in app.py" in second
    assert bench.status("a") is Status.WAITING
    assert bench.board.task("a").failures == 0


def test_a_resolving_agent_that_fails_is_tried_again_on_the_same_conflict(bench: Bench) -> None:
    submit(bench, "a")
    bench.script = says(fails())
    conflict(bench, "a")
    bench.turn()
    assert resolving(bench) == ["a"]
    row = submission(bench, "a")
    assert (row.number, row.state, row.bundle) == (1, SubmissionState.CONFLICTED, "/a-1.json")
    task = bench.board.task("a")
    assert (task.status, task.failures, task.conflict_rounds) == (Status.MERGING, 1, 0)
    assert task.not_before > bench.now
    bench.script = says()
    bench.place.now = task.not_before + 1
    bench.turn()
    assert resolving(bench) == ["a", "a"]
    first, second = (given for given in bench.given if given.conflict)
    assert first.conflict == second.conflict


def test_taking_over_the_tip_is_a_resolution(bench: Bench) -> None:
    bench.made = lambda order: NoChanges(merged_tip=True) if order.tip else _changes_nothing(order)
    submit(bench, "a")
    bench.script = says()
    conflict(bench, "a")
    bench.turn()
    row = submission(bench, "a")
    assert (row.number, row.state, row.tree, row.needs_approval) == (2, SubmissionState.QUEUED, "", True)
    assert row.conflict == SAME.text()


@pytest.mark.parametrize(("merged", "base"), [(True, "T1"), (False, "base")])
def test_a_resolution_is_based_on_the_tip_that_it_merged_and_never_on_the_submission_it_resolves(
    bench: Bench, merged: bool, base: str
) -> None:
    submit(bench, "a")
    bench.made = lambda order: Imported(commit=f"work-{order.run}", tree="tree", merged_tip=merged)
    bench.script = says()
    conflict(bench, "a")
    bench.turn()
    row = submission(bench, "a")
    assert (row.number, row.base) == (2, base)
