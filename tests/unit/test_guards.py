from __future__ import annotations

import pytest

from tests.faults.guards import GUARDS, PROJECT, Guard


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_every_guard_can_still_be_taken_away(guard: Guard) -> None:
    assert guard.applies(PROJECT), f"{guard.file} has changed: bring tests/faults/guards.py up to date"
