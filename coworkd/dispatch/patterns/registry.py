"""Every pattern of collaboration by its name."""

from __future__ import annotations

from collections.abc import Mapping

from coworkd.core.model import PatternName
from coworkd.dispatch.patterns.chain_review import chain_review
from coworkd.dispatch.patterns.replay import asked_steps, replayed
from coworkd.dispatch.patterns.solo import solo
from coworkd.dispatch.patterns.steps import History, NextSteps, Pattern, PatternSpec, Step

NEXT_STEPS: Mapping[PatternName, Pattern] = {
    PatternName.SOLO: replayed(solo),
    PatternName.CHAIN_REVIEW: replayed(chain_review),
}


def next_steps(spec: PatternSpec, history: History) -> NextSteps:
    """The steps that have not ended and may run now, or what the attempt ends with."""
    return NEXT_STEPS[spec.request.name](spec, history)


def known_steps(spec: PatternSpec, history: History) -> tuple[Step, ...]:
    """Every step that this history has led to, ended or not, in the order in which they could begin."""
    return asked_steps(NEXT_STEPS[spec.request.name], spec, history)
