from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from coworkd.merge.branch_rules import (
    BranchFacts,
    BringIn,
    Collision,
    LandingFact,
    Move,
    NothingToDo,
    Rebuild,
    Restart,
    Restore,
    Unrelated,
    next_move,
)
from coworkd.store.landings import Landing


def landed(task: str, *, here: bool = True, there: bool = False) -> LandingFact:
    landing = Landing(task=task, number=1, submission=f"sub-{task}", commit=f"land-{task}")
    return LandingFact(landing=landing, in_integration=here, in_target=there)


A, B = landed("a"), landed("b")
IN_BOTH = landed("both", there=True)
SQUASHED = landed("squashed", here=False, there=True)
LOST = landed("lost", here=False)

APART = BranchFacts(
    target="t2", integration="i1", taken="t1", taken_in_target=True, target_in_integration=False,
    integration_in_target=False, landings=(),
)  # fmt: skip
"""Both have commits of their own."""
AHEAD = dataclasses.replace(APART, target="t1", target_in_integration=True)
"""Integration has all of the target."""
BEHIND = dataclasses.replace(APART, integration_in_target=True)
"""The target has all of integration."""
GONE = dataclasses.replace(APART, integration="")
"""Somebody deleted integration."""
DROPPED = dataclasses.replace(APART, taken_in_target=False)
"""The target lost a commit that integration has."""


@pytest.mark.parametrize(
    ("facts", "changed", "move"),
    [
        # integration has all of the target
        (AHEAD, {}, NothingToDo()),
        (AHEAD, {"landings": (A, B)}, NothingToDo()),
        (AHEAD, {"landings": (A, LOST)}, NothingToDo()),
        # the target has all of integration
        (BEHIND, {}, Restart()),
        (BEHIND, {"landings": (IN_BOTH,)}, Restart()),
        (BEHIND, {"landings": (LOST,)}, Restart()),
        # each has something: all that landed must be proven to be in the target, one by one
        (APART, {"landings": (A,)}, BringIn()),
        (APART, {"landings": (A, IN_BOTH)}, BringIn()),
        (APART, {"landings": (IN_BOTH,)}, Restart()),
        (APART, {"landings": (IN_BOTH, SQUASHED)}, Restart()),
        (APART, {"landings": (IN_BOTH, LOST)}, Restart()),
        (APART, {"landings": (IN_BOTH,), "handmade": ("x",)}, BringIn()),
        (APART, {"landings": (A,), "collides": ("app.py",)}, Collision(("app.py",))),
        (APART, {"landings": (A,), "related": False}, Unrelated()),
        (APART, {"handmade": ("x",), "related": False}, Unrelated()),
        (APART, {"landings": (IN_BOTH,), "collides": ("app.py",)}, Restart()),
        # the target lost what was taken from it: whatever else is true, integration is not kept as it is
        (DROPPED, {"landings": (A,)}, Rebuild()),
        (DROPPED, {"landings": (A, IN_BOTH), "collides": ("app.py",)}, Rebuild()),
        (DROPPED, {"landings": (LOST,)}, Rebuild()),
        (DROPPED, {"target_in_integration": True, "landings": (A,)}, Rebuild()),
        (DROPPED, {"landings": (IN_BOTH,)}, Restart()),
        (DROPPED, {"landings": (IN_BOTH,), "handmade": ("x",)}, Rebuild()),
        (DROPPED, {}, Restart()),
        # integration is gone
        (GONE, {}, Restart()),
        (GONE, {"landings": (SQUASHED,)}, Restart()),
        (GONE, {"landings": (LOST,), "restore_point": "i1"}, Restore("i1")),
        (GONE, {"landings": (LOST,)}, Rebuild()),
        (GONE, {"landings": (LOST,), "restore_point": "i1", "taken_in_target": False}, Rebuild()),
        (GONE, {"taken_in_target": False}, Restart()),
    ],
)
def test_the_next_move(facts: BranchFacts, changed: dict[str, Any], move: Move) -> None:
    assert next_move(dataclasses.replace(facts, **changed)) == move
