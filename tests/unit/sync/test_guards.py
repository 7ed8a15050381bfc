from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.sync.guards import (
    MAX_SETTLE,
    SETTLE_IN_PLACE,
    SETTLE_RENAMED,
    Absence,
    GitFacts,
    MissingExtent,
    judge_absence,
    settled_at,
)

FEW = MissingExtent(absent=1, total=10)
MANY = MissingExtent(absent=5, total=10)
DELETED, PARKED, HELD = Absence.DELETED, Absence.PARKED, Absence.HELD


@pytest.mark.parametrize(
    ("git", "missing", "verdict"),
    [
        (GitFacts(), FEW, DELETED),
        (GitFacts(operation="rebase"), FEW, PARKED),
        (GitFacts(index_lists=True), FEW, PARKED),
        (GitFacts(index_lists=True), MissingExtent(absent=1, total=10, seconds=6.0), DELETED),
        (GitFacts(index_lists=True), MissingExtent(absent=5, total=10, seconds=6.0), HELD),
        (GitFacts(index_lists=True, withheld=True), MissingExtent(absent=1, total=10, seconds=6.0), PARKED),
        (GitFacts(stashed=True), FEW, PARKED),
        (GitFacts(head_moved=True), FEW, PARKED),
        (GitFacts(head_moved=True, descends=True), FEW, DELETED),
        (GitFacts(head_moved=True, descends=True, index_lists=True), FEW, PARKED),
        (GitFacts(), MANY, HELD),
        (GitFacts(operation="merge"), MANY, PARKED),
        (GitFacts(head_moved=True, descends=True), MANY, HELD),
        (GitFacts(), MissingExtent(absent=5, total=25), DELETED),
        (GitFacts(), MissingExtent(absent=6, total=25), HELD),
        (GitFacts(), MissingExtent(absent=4, total=4), DELETED),
        (GitFacts(), MissingExtent(absent=5, total=10, confirmed=True), DELETED),
        (GitFacts(index_lists=True), MissingExtent(absent=5, total=10, confirmed=True), DELETED),
        (GitFacts(), MissingExtent(absent=1, total=1, folder_gone=True), HELD),
        (GitFacts(operation="merge"), MissingExtent(absent=1, total=1, folder_gone=True), PARKED),
        (GitFacts(index_lists=True), MissingExtent(absent=1, total=1, folder_gone=True), HELD),
        (GitFacts(), MissingExtent(absent=1, total=1, folder_gone=True, confirmed=True), DELETED),
    ],
)
def test_what_a_missing_file_means(git: GitFacts, missing: MissingExtent, verdict: Absence) -> None:
    assert judge_absence(git, missing) is verdict


@given(
    git=st.builds(GitFacts),
    absent=st.integers(1, 100),
    present=st.integers(0, 100),
    gone=st.booleans(),
)
def test_a_confirmed_deletion_is_never_held(git: GitFacts, absent: int, present: int, gone: bool) -> None:
    missing = MissingExtent(absent=absent, total=absent + present, folder_gone=gone, confirmed=True)
    assert judge_absence(git, missing) is not HELD


@pytest.mark.parametrize(
    ("changed", "in_place", "noticed", "due"),
    [
        (100.0, True, 100.0, 100.0 + SETTLE_IN_PLACE),
        (100.0, False, 100.0, 100.0 + SETTLE_RENAMED),
        (50.0, False, 100.0, 100.0 - MAX_SETTLE + SETTLE_RENAMED),
        (100.4, True, 100.0, 100.4 + SETTLE_IN_PLACE),
        (100.49, True, 100.0, 100.0 + MAX_SETTLE),
        (4000.0, True, 100.0, 100.0 + MAX_SETTLE),
    ],
)
def test_when_a_file_has_settled(changed: float, in_place: bool, noticed: float, due: float) -> None:
    assert settled_at(changed, in_place, noticed) == pytest.approx(due)


TIMES = st.floats(0, 1e9)


@given(changed=TIMES, in_place=st.booleans(), noticed=TIMES)
def test_nothing_waits_longer_than_the_most(changed: float, in_place: bool, noticed: float) -> None:
    assert settled_at(changed, in_place, noticed) <= noticed + MAX_SETTLE
