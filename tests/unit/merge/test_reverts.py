from __future__ import annotations

import pytest

from coworkd.merge.reverts import standing_landing
from coworkd.store import SubmissionKind, SubmissionRow, SubmissionState

KINDS = {"w": SubmissionKind.WORK, "r": SubmissionKind.REVERT, "a": SubmissionKind.APPLY}


def submissions(history: str) -> list[SubmissionRow]:
    """One for each letter, in this order; a capital one did not land."""
    return [
        SubmissionRow(
            task="t", number=number, attempt=1, base="", commit_id=f"c{number}", tree="tree", created=0.0, message="",
            state=SubmissionState.LANDED if letter.islower() else SubmissionState.RETIRED, needs_approval=False,
            landing=f"l{number}" if letter.islower() else "", kind=KINDS[letter.lower()],
        )
        for number, letter in enumerate(history, 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("history", "stands"),
    [
        ("wr", ""),
        ("wwr", "l1"),
        ("wrwr", ""),
        ("wrar", ""),
        ("wwrr", ""),
        ("wwwrr", "l1"),
        ("wwrar", "l1"),
        ("wWr", ""),
    ],
)
def test_what_stands_once_the_last_one_has_taken_back_the_latest(history: str, stands: str) -> None:
    rows = submissions(history)
    assert standing_landing(rows, before=len(rows)) == stands
