from __future__ import annotations

import pytest

from coworkd.core.model import Check
from coworkd.merge.target_entry import TargetEntry, TargetState, not_in_reason

RED = Check(command="pytest -q", exit=2, seconds=1.0, tail="collected\n1 failed\n\n")
LATE = Check(command="pytest -q", exit=-15, seconds=9.0, timed_out=True)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (TargetEntry(tip="t", state=TargetState.IN), ""),
        (TargetEntry(tip="t", state=TargetState.RED, checks=(RED,)), "`pytest -q`: exit 2 (1 failed); repair"),
        (TargetEntry(tip="t", state=TargetState.RED, checks=(LATE,)), "`pytest -q`: took too long; repair"),
        (
            TargetEntry(tip="t", state=TargetState.CONFLICT, paths=("a", "b")),
            "in a, b, so that cowork/integration no longer follows it: on main type `git merge cowork/integration`",
        ),
        (
            TargetEntry(tip="t", state=TargetState.DROPPED, dropped=("abc1 secret",)),
            "lost commits that had been taken from it (abc1 secret)",
        ),
        (TargetEntry(tip="t", state=TargetState.UNRELATED), "no commit in common with main, so that nothing starts"),
        (TargetEntry(tip="", state=TargetState.DROPPED), "cowork/integration is gone: what has landed is merged again"),
        (TargetEntry(tip="t", state=TargetState.INTERRUPTED), "was interrupted: land again"),
        (TargetEntry(tip="t", state=TargetState.MOVED), "moved during every verification: land again"),
    ],
)
def test_only_checks_that_failed_are_called_red(entry: TargetEntry, said: str) -> None:
    reason = not_in_reason(entry, "main", "cowork/integration")
    assert said in reason
    assert bool(reason) == (entry.state is not TargetState.IN)
    assert ("red" in reason) == (entry.state is TargetState.RED)
