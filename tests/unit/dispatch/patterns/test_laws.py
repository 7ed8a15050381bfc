"""The four laws of `steps`, for every pattern, over random attempts; and patterns that break one each, as a control."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.model import PatternName
from coworkd.dispatch.patterns.endings import failed
from coworkd.dispatch.patterns.registry import NEXT_STEPS, known_steps
from coworkd.dispatch.patterns.steps import History, NextSteps, PatternSpec, Role, RunStep, StepTree
from tests.unit.dispatch.patterns.histories import Course, courses, play, spec_of, specs

SPEC = spec_of(PatternName.SOLO)


@pytest.mark.parametrize("name", NEXT_STEPS)
@given(data=st.data(), course=courses(), orders=st.tuples(st.integers(), st.integers()))
def test_a_pattern_keeps_the_laws(
    name: PatternName, data: st.DataObject, course: Course, orders: tuple[int, int]
) -> None:
    spec = data.draw(specs(name))
    one, other = (play(NEXT_STEPS[name], spec, course, order) for order in orders)
    assert one.breach == other.breach == ""
    assert one.verdict == other.verdict
    assert one.history == other.history
    assert one.steps == other.steps


@pytest.mark.parametrize("name", NEXT_STEPS)
@given(data=st.data(), course=courses())
def test_a_history_shows_every_step_that_led_to_it(name: PatternName, data: st.DataObject, course: Course) -> None:
    spec = data.draw(specs(name))
    played = play(NEXT_STEPS[name], spec, course)
    assert {step.key: step for step in known_steps(spec, played.history)} == played.steps


def step(key: str, agent: str = "a") -> RunStep:
    return RunStep(key=key, agent=agent, role=Role.AUTHOR, tree=StepTree.OWN)


def asks_again(spec: PatternSpec, history: History) -> NextSteps:
    return (step("one"),)


def forgets(spec: PatternSpec, history: History) -> NextSteps:
    wanted = [step("one"), step("two"), step("three")][: 2 if history else 3]
    return tuple(one for one in wanted if one.key not in history) or failed("over")


def rewords(spec: PatternSpec, history: History) -> NextSteps:
    wanted = [step("one", agent=f"a{len(history)}"), step("two", agent=f"a{len(history)}")]
    return tuple(one for one in wanted if one.key not in history) or failed("over")


def likes_the_first(spec: PatternSpec, history: History) -> NextSteps:
    wanted = [step("one"), step("two")]
    return tuple(one for one in wanted if one.key not in history) or failed(f"the first was {next(iter(history))}")


def goes_on(spec: PatternSpec, history: History) -> NextSteps:
    return (step(f"step.{len(history)}"),)


def waits_for_nothing(spec: PatternSpec, history: History) -> NextSteps:
    return () if history else (step("one"),)


@pytest.mark.parametrize(
    ("pattern", "law"),
    [
        (asks_again, "1"),
        (forgets, "2"),
        (rewords, "2"),
        (likes_the_first, "3"),
        (goes_on, "4"),
        (waits_for_nothing, "4"),
    ],
)
def test_a_pattern_that_breaks_a_law_is_noticed(pattern, law: str) -> None:
    breaches = {play(pattern, SPEC, Course(seed=0), order).breach.partition(":")[0] for order in range(6)}
    assert breaches - {""} == {law}
