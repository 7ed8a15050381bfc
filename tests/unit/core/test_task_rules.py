"""Which keys of a task contradict each other."""

from __future__ import annotations

import pytest

from coworkd.core.model import Decide, Mode, PatternName, PatternRequest
from coworkd.core.task_rules import MODES, contradiction


@pytest.mark.parametrize("pattern", PatternName)
@pytest.mark.parametrize("mode", Mode)
def test_a_pattern_is_for_its_modes_alone(pattern: PatternName, mode: Mode) -> None:
    found = contradiction(mode, pattern, loop=False)
    assert (found is None) is (mode in MODES[pattern])


def test_solo_alone_is_for_plans() -> None:
    assert [name for name, modes in MODES.items() if Mode.PLAN in modes] == [PatternName.SOLO]


@pytest.mark.parametrize(("mode", "contradicts"), [(Mode.BUILD, False), (Mode.PLAN, True), (Mode.ANSWER, True)])
def test_a_loop_builds(mode: Mode, contradicts: bool) -> None:
    assert (contradiction(mode, PatternName.SOLO, loop=True) is not None) is contradicts


def test_a_request_is_completed_by_what_it_leaves_open() -> None:
    defaults = PatternRequest(
        name=PatternName.TEAM, members=("a", "b"), rounds=3, decide=Decide.PERSON,
        given=frozenset({"members", "rounds", "decide"}),
    )  # fmt: skip
    asked = PatternRequest(
        name=PatternName.TEAM, members=("c",), decide=Decide.AUTO, given=frozenset({"members", "decide"})
    )
    completed = asked.completed_by(defaults)
    assert (completed.members, completed.rounds, completed.decide) == (("c",), 3, Decide.AUTO)
