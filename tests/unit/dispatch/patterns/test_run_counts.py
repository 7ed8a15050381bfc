"""The counts of the table, that every attempt keeps to them, and that both ends are reached."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.model import PatternName
from coworkd.core.pattern_verdicts import PatternEnd
from coworkd.core.reply_blocks import AnswerBlock, Decision
from coworkd.dispatch.patterns.registry import NEXT_STEPS
from coworkd.dispatch.patterns.run_counts import run_count, seat_runs
from coworkd.dispatch.patterns.steps import RunCount, RunOutcome, RunResult, RunStep, Step, StepResult
from tests.unit.dispatch.patterns.histories import (
    RED,
    SEATS,
    Course,
    Script,
    courses,
    found,
    play,
    spec_of,
    specs,
    verdict,
    well,
)

P = PatternName


@pytest.mark.parametrize(
    ("name", "changed", "least", "most"),
    [
        (P.SOLO, {}, 1, 1),
        (P.DEBATE, {}, 2, 6),
        (P.DEBATE, {"rounds": 3}, 2, 10),
        (P.TEAM, {}, 3, 5),
        (P.TEAM, {"members": SEATS[:4], "judges": SEATS[:3]}, 4, 10),
        (P.TEAM, {"critique": 1}, 3, 8),
        (P.CHAIN_REVIEW, {}, 3, 9),
        (P.CHAIN_REVIEW, {"judges": SEATS[:3], "rounds": 1}, 4, 8),
        (P.DEVILS_ADVOCATE, {}, 3, 3),
        (P.EXPERT_PANEL, {}, 4, 4),
        (P.EXPERT_PANEL, {"members": SEATS[:5]}, 6, 6),
        (P.REFINE, {}, 2, 8),
        (P.REFINE, {"rounds": 1}, 2, 4),
        (P.RED_TEAM, {}, 2, 9),
        (P.RED_TEAM, {"rounds": 0}, 2, 3),
        (P.CONSENSUS, {}, 4, 12),
        (P.CONSENSUS, {"judges": SEATS[:2], "rounds": 1}, 3, 6),
        (P.TEAM, {"continued": True}, 1, 1),
        (P.EXPERT_PANEL, {"continued": True}, 1, 1),
        (P.CONSENSUS, {"continued": True}, 4, 12),
    ],
)
def test_the_counts_are_those_of_the_table(name: P, changed: dict[str, object], least: int, most: int) -> None:
    assert run_count(spec_of(name, **changed)) == RunCount(least=least, most=most)


@pytest.mark.parametrize("name", NEXT_STEPS)
@given(data=st.data(), course=courses())
def test_every_attempt_keeps_to_its_count(name: P, data: st.DataObject, course: Course) -> None:
    spec = data.draw(specs(name))
    count = run_count(spec)
    played = play(NEXT_STEPS[name], spec, course)
    assert played.verdict is not None
    assert count.most is not None
    assert played.runs <= count.most
    if played.verdict.decision in (PatternEnd.SUBMIT, PatternEnd.ANSWER):
        assert played.runs >= count.least


@pytest.mark.parametrize("name", NEXT_STEPS)
@given(data=st.data(), course=courses())
def test_every_run_is_of_a_seat_with_its_agent(name: P, data: st.DataObject, course: Course) -> None:
    spec = data.draw(specs(name))
    agents = {seat.seat.agent for seat in seat_runs(spec)}
    played = play(NEXT_STEPS[name], spec, course)
    assert {step.agent for step in played.steps.values() if isinstance(step, RunStep)} <= agents


ONE_GREEN = Script({"try.b": RED, "try.c": RED, "try.d": RED})


def hardest(step: Step) -> StepResult:
    """What makes each pattern go on for as long as it can: every judge objects in new words, scores rise by one."""
    if step.key.startswith("attack"):
        return found(f"something in {step.key}")
    if step.key.startswith(("gate", "validate")):
        passes = step.key.startswith("gate") and not step.key.endswith(".2")
        return verdict(Decision.PASS) if passes else verdict(Decision.FAIL, f"something in {step.key}")
    if step.key.startswith("arbiter"):
        return verdict(Decision.FAIL)
    if step.key.startswith("score"):
        return verdict(Decision.PASS, score=float(step.key.rpartition(".")[2]))
    if step.key.startswith(("answer", "a.", "b.")):
        return RunResult(outcome=RunOutcome.DONE, block=AnswerBlock(answer=step.key))
    return well(step)


@pytest.mark.parametrize("name", NEXT_STEPS)
@pytest.mark.parametrize("rounds", [None, 0, 1, 3])
def test_the_least_and_the_most_are_reached(name: P, rounds: int | None) -> None:
    spec = spec_of(name, rounds=rounds, critique=1 if name is P.TEAM else 0)
    count = run_count(spec)
    best = Script(ONE_GREEN.told | {"score.0": verdict(Decision.PASS, score=9.75)})
    assert play(NEXT_STEPS[name], spec, best if name in (P.TEAM, P.REFINE) else well).runs == count.least
    assert play(NEXT_STEPS[name], spec, hardest).runs == count.most
