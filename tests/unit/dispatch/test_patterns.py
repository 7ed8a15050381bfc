from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.dispatch.patterns import PATTERNS
from coworkd.dispatch.patterns.base import Past, Step, Submit


def past(run: str, *, well: bool) -> Past:
    return Past(run=run, role="author", ended_well=well)


@pytest.mark.parametrize(
    ("history", "following"),
    [
        ([], Step(agent="a", role="author")),
        ([past("r1", well=False)], Step(agent="a", role="author")),
        ([past("r1", well=True)], Submit(run="r1")),
        ([past("r1", well=False), past("r2", well=True)], Submit(run="r2")),
    ],
)
def test_solo_runs_its_agent_until_it_ends_well(history: list[Past], following: Step | Submit) -> None:
    assert PATTERNS["solo"]("a", history) == following


HISTORY = st.lists(st.builds(Past, run=st.text(), role=st.just("author"), ended_well=st.booleans()))


@pytest.mark.parametrize("name", sorted(PATTERNS))
@given(history=HISTORY)
def test_a_pattern_holds_no_state(name: str, history: list[Past]) -> None:
    pattern = PATTERNS[name]
    assert pattern("a", history) == pattern("a", list(history))
