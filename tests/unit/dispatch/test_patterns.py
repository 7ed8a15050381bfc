from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.dispatch.patterns import PATTERNS
from coworkd.dispatch.patterns.base import PastRun, StartStep, SubmitWork


def past(run: str, *, well: bool) -> PastRun:
    return PastRun(run=run, role="author", ended_well=well)


@pytest.mark.parametrize(
    ("history", "following"),
    [
        ([], StartStep(agent="a", role="author", number=1)),
        ([past("r1", well=False)], StartStep(agent="a", role="author", number=2)),
        ([past("r1", well=True)], SubmitWork(run="r1")),
        ([past("r1", well=False), past("r2", well=True)], SubmitWork(run="r2")),
    ],
)
def test_solo_runs_its_agent_until_it_ends_well(history: list[PastRun], following: StartStep | SubmitWork) -> None:
    assert PATTERNS["solo"]("a", history) == following


HISTORY = st.lists(st.builds(PastRun, run=st.text(), role=st.just("author"), ended_well=st.booleans()))


@pytest.mark.parametrize("name", sorted(PATTERNS))
@given(history=HISTORY)
def test_a_pattern_holds_no_state(name: str, history: list[PastRun]) -> None:
    pattern = PATTERNS[name]
    assert pattern("a", history) == pattern("a", list(history))
