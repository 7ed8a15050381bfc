from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.merge.queue_rules import (
    BatchStep,
    LandStep,
    QueueEntry,
    QueueLoad,
    QueueStep,
    ReviewStep,
    VerifyStep,
    next_steps,
    reason_to_verify_again,
)
from coworkd.store import BatchPlace, SubmissionKey, SubmissionRow, SubmissionState

TIP = "t1"
QUEUED, GREEN = SubmissionState.QUEUED, SubmissionState.GREEN
STEPS = st.lists(
    st.builds(
        QueueEntry,
        key=st.sampled_from("abcdefgh").map(lambda task: SubmissionKey(task, 1)),
        state=st.sampled_from([QUEUED, GREEN]),
        verified_on=st.sampled_from(["", "t0", TIP]),
        needs_approval=st.booleans(),
        approved=st.booleans(),
        reviewed=st.booleans(),
        needs=st.sampled_from([(), ("x",)]),
        priority=st.sampled_from([0.0, 2.0]),
        created=st.sampled_from([1.0, 2.0]),
    ),
    unique_by=lambda entry: entry.key,
)


def entry(task: str, state: SubmissionState = GREEN, tip: str = TIP, **more: object) -> QueueEntry:
    values: dict[str, object] = {
        "needs_approval": False, "approved": False, "reviewed": False, "needs": (), "priority": 2.0, "created": 1.0, **more,
    }  # fmt: skip
    return QueueEntry(key=SubmissionKey(task, 1), state=state, verified_on=tip, **values)  # pyright: ignore[reportArgumentType]


def test_what_is_queued_is_verified_and_what_is_green_lands() -> None:
    assert next_steps([entry("a", QUEUED, tip="")], TIP) == [VerifyStep(key=SubmissionKey("a", 1))]
    assert next_steps([entry("a")], TIP) == [ReviewStep(key=SubmissionKey("a", 1))]
    assert next_steps([entry("a", reviewed=True)], TIP) == [LandStep(keys=(SubmissionKey("a", 1),))]


def test_green_on_an_older_tip_is_verified_again() -> None:
    assert next_steps([entry("a", tip="t0", reviewed=True)], TIP) == [VerifyStep(key=SubmissionKey("a", 1))]


def test_a_person_is_asked_once_and_nothing_lands_before_the_approval() -> None:
    assert next_steps([entry("a", needs_approval=True)], TIP) == [ReviewStep(key=SubmissionKey("a", 1))]
    assert next_steps([entry("a", needs_approval=True, reviewed=True)], TIP) == []
    assert next_steps([entry("a", needs_approval=True, reviewed=True, approved=True)], TIP) == [
        LandStep(keys=(SubmissionKey("a", 1),))
    ]


def test_a_dependency_lands_first() -> None:
    early = entry("late", needs=("first",), priority=0.0, reviewed=True)
    assert next_steps([early, entry("first", reviewed=True)], TIP) == [LandStep(keys=(SubmissionKey("first", 1),))]
    assert next_steps([early], TIP) == []


def test_approved_goes_before_unapproved_then_priority_then_age() -> None:
    wanted = [
        entry("d", needs_approval=True, approved=True, reviewed=True, priority=9.0, created=9.0, tip="t0"),
        entry("c", QUEUED, needs_approval=True, tip="", priority=1.0, created=5.0),
        entry("b", QUEUED, needs_approval=True, tip="", created=1.0),
        entry("a", QUEUED, needs_approval=True, tip="", created=2.0),
    ]
    for order in permutations(wanted):
        left, seen = list(order), list[str]()
        while left:
            (step,) = next_steps(left, TIP)
            seen += keys([step])
            left = [item for item in left if item.key not in keys_of(step)]
        assert seen == ["d", "c", "b", "a"]


def waiting(task: str, **more: object) -> QueueEntry:
    return entry(task, QUEUED, tip="", needs_approval=True, **more)


def keys(steps: Sequence[QueueStep]) -> list[str]:
    return [key.task for step in steps for key in keys_of(step)]


def keys_of(step: QueueStep) -> tuple[SubmissionKey, ...]:
    return step.keys if isinstance(step, LandStep | BatchStep) else (step.key,)


def test_as_many_are_verified_for_their_reviews_as_gates_are_free() -> None:
    entries = [waiting(task) for task in "abcd"]
    assert keys(next_steps(entries, TIP, QueueLoad(gates=3))) == ["a", "b", "c"]
    load = QueueLoad(gates=1, verifying=frozenset({SubmissionKey("a", 1), SubmissionKey("b", 1)}))
    assert keys(next_steps(entries, TIP, load)) == ["c"]
    assert next_steps(entries, TIP, QueueLoad(gates=0)) == []


def test_what_waits_for_a_person_blocks_nothing() -> None:
    asked = entry("asked", needs_approval=True, reviewed=True)
    assert keys(next_steps([asked, waiting("b"), entry("c", QUEUED, tip="")], TIP, QueueLoad(gates=2))) == ["c", "b"]


def test_one_landing_is_prepared_at_a_time() -> None:
    first, second = entry("a", QUEUED, tip=""), entry("b", QUEUED, tip="")
    load = QueueLoad(gates=3, verifying=frozenset({first.key}))
    assert keys(next_steps([first, second, waiting("c")], TIP, load)) == ["c"]
    green = entry("a")
    assert next_steps([green, second], TIP, QueueLoad(gates=3)) == [ReviewStep(key=green.key)], "it lands next"
    landed = entry("a", reviewed=True)
    assert next_steps([landed, second], TIP, QueueLoad(gates=3)) == [LandStep(keys=(green.key,))]


def test_a_gate_stays_free_for_what_follows_the_landing_that_is_under_way() -> None:
    entries = [entry("a", QUEUED, tip=""), waiting("b"), waiting("c")]
    assert keys(next_steps(entries, TIP, QueueLoad(gates=2, moving=True))) == ["b"]
    assert next_steps(entries, TIP, QueueLoad(gates=1, moving=True)) == []
    assert keys(next_steps([waiting("b")], TIP, QueueLoad(gates=1, moving=True))) == ["b"]


def test_what_cannot_land_yet_is_verified_for_its_review() -> None:
    early = entry("late", QUEUED, tip="", needs=("first",))
    assert keys(next_steps([early, entry("first", QUEUED, tip="")], TIP, QueueLoad(gates=2))) == ["first", "late"]


@given(STEPS, st.integers(0, 4), st.booleans(), st.sets(st.sampled_from("abcdefgh")))
def test_gates_and_landings_are_bounded(entries: list[QueueEntry], gates: int, moving: bool, tasks: set[str]) -> None:
    load = QueueLoad(gates=gates, moving=moving, verifying=frozenset(SubmissionKey(task, 1) for task in tasks))
    steps = next_steps(entries, TIP, load)
    verified = [step.key for step in steps if isinstance(step, VerifyStep)]
    assert len(verified) <= gates
    assert not load.verifying & set(verified)
    for_landing = {e.key for e in entries if (e.approved or not e.needs_approval) and not e.needs}
    prepared = [step for step in steps if not isinstance(step, ReviewStep) and for_landing.intersection(keys_of(step))]
    assert len(prepared) <= (0 if moving or for_landing & load.verifying else 1)


@given(STEPS)
def test_one_thing_at_a_time_and_nothing_unasked_lands(entries: list[QueueEntry]) -> None:
    steps = next_steps(entries, TIP)
    work = [step for step in steps if not isinstance(step, ReviewStep)]
    assert len([step for step in work if isinstance(step, VerifyStep)]) <= 1
    by_key = {item.key: item for item in entries}
    for step, item in [(one, by_key[key]) for one in steps for key in keys_of(one)]:
        if isinstance(step, LandStep):
            assert item.state is GREEN
            assert item.verified_on == TIP
            assert item.approved or (item.reviewed and not item.needs_approval)
            assert not item.needs
        if isinstance(step, ReviewStep):
            assert item.state is GREEN
            assert not item.reviewed


@given(STEPS)
def test_every_review_that_is_due_is_asked_for(entries: list[QueueEntry]) -> None:
    due = {e.key for e in entries if e.state is GREEN and not e.approved and not e.reviewed}
    assert {step.key for step in next_steps(entries, TIP) if isinstance(step, ReviewStep)} == due


# ---- batches


def together(*tasks: str, size: int = 0, **more: object) -> list[QueueEntry]:
    """Green submissions that were verified together."""
    return [
        entry(task, batch=BatchPlace(commit="last", place=place, size=size or len(tasks)), **{"reviewed": True, **more})
        for place, task in enumerate(tasks, 1)
    ]


def test_what_is_checked_alike_is_verified_together() -> None:
    entries = [entry(task, QUEUED, tip="", conditions=1.0, created=created) for created, task in enumerate("abcd", 1)]
    load = QueueLoad(gates=2, batch_size=3)
    assert next_steps(entries, TIP, load) == [BatchStep(keys=tuple(SubmissionKey(task, 1) for task in "abc"))]
    assert next_steps(entries[:1], TIP, load) == [VerifyStep(key=SubmissionKey("a", 1))]
    assert next_steps(entries, TIP, QueueLoad(gates=0, batch_size=3)) == []
    alone = [entry("a", QUEUED, tip=""), *entries[1:]]
    assert next_steps(alone, TIP, load) == [VerifyStep(key=SubmissionKey("a", 1))]


def test_what_waits_for_an_approval_is_in_no_batch() -> None:
    entries = [waiting("a", conditions=1.0), waiting("b", conditions=1.0)]
    assert keys(next_steps(entries, TIP, QueueLoad(gates=1, batch_size=4))) == ["a"]
    approved = [entry(task, tip="t0", approved=True, needs_approval=True, conditions=1.0) for task in "ab"]
    assert isinstance(next_steps(approved, TIP, QueueLoad(batch_size=4))[0], BatchStep)


def test_a_batch_lands_in_one_step_in_the_order_of_its_merges() -> None:
    assert keys(next_steps(together("c", "a", "b"), TIP)) == ["c", "a", "b"]


def test_a_batch_lands_when_each_review_is_written() -> None:
    unwritten = [*together("a", "b")[:1], *together("x", "b", reviewed=False)[1:]]
    assert next_steps(unwritten, TIP) == [ReviewStep(key=SubmissionKey("b", 1))]


@pytest.mark.parametrize("left", [("a",), ("b",)])
def test_what_was_verified_together_does_not_land_without_one_of_it(left: tuple[str]) -> None:
    rest = [one for one in together("a", "b") if one.key.task in left]
    assert next_steps(rest, TIP) == [VerifyStep(key=rest[0].key)]


BATCHED = BatchPlace(commit="m", place=1, size=3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": SubmissionState.QUEUED}, ""),
        ({"verified_on": "t0"}, "the integration branch has moved from t0 to t1 since"),
        ({"batch": BATCHED}, "not all of the 3 that were verified together can land"),
        ({"stacked_on": "a/1"}, "it was merged with a/1, which it builds on no more"),
        ({}, "the commands that verify it have changed"),
    ],
)
def test_why_a_candidate_was_not_taken(changes: dict[str, Any], said: str) -> None:
    values: dict[str, Any] = {"state": SubmissionState.GREEN, "verified_on": "t1", "candidate": "c1"} | changes
    row = SubmissionRow(
        task="t", number=1, attempt=1, commit_id="c", tree="x", base="b", created=0.0, needs_approval=False, **values
    )
    found = reason_to_verify_again(row, "t1")
    assert found == (f"its candidate c1 was not taken: {said}" if said else "")
