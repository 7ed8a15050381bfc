"""Every pattern of collaboration by its name."""

from __future__ import annotations

from collections.abc import Mapping

from coworkd.core.model import PatternName
from coworkd.dispatch.patterns.chain_review import chain_review
from coworkd.dispatch.patterns.consensus import consensus
from coworkd.dispatch.patterns.debate import debate
from coworkd.dispatch.patterns.devils_advocate import devils_advocate
from coworkd.dispatch.patterns.expert_panel import expert_panel
from coworkd.dispatch.patterns.red_team import red_team
from coworkd.dispatch.patterns.refine import refine
from coworkd.dispatch.patterns.replay import asked_steps, replayed
from coworkd.dispatch.patterns.solo import solo
from coworkd.dispatch.patterns.steps import History, NextSteps, Pattern, PatternSpec, Step
from coworkd.dispatch.patterns.team import team

NEXT_STEPS: Mapping[PatternName, Pattern] = {
    PatternName.SOLO: replayed(solo),
    PatternName.CHAIN_REVIEW: replayed(chain_review),
    PatternName.CONSENSUS: replayed(consensus),
    PatternName.RED_TEAM: replayed(red_team),
    PatternName.REFINE: replayed(refine),
    PatternName.TEAM: replayed(team),
    PatternName.DEBATE: replayed(debate),
    PatternName.EXPERT_PANEL: replayed(expert_panel),
    PatternName.DEVILS_ADVOCATE: replayed(devils_advocate),
}


def next_steps(spec: PatternSpec, history: History) -> NextSteps:
    """The steps that have not ended and may run now, or what the attempt ends with."""
    return NEXT_STEPS[spec.request.name](spec, history)


def known_steps(spec: PatternSpec, history: History) -> tuple[Step, ...]:
    """Every step that this history has led to, ended or not, in the order in which they could begin."""
    return asked_steps(NEXT_STEPS[spec.request.name], spec, history)
