"""Who takes part in a pattern: how many seats it has, and which agent sits in each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coworkd.core.model import Mode, PatternName
from coworkd.dispatch.patterns.steps import PatternSpec, Seat

MAX_SEATS = 9
"""Of members, of judges, and of rounds: more of them cost more and find no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternShape:
    """What a pattern is made of."""

    modes: tuple[Mode, ...]
    """The modes of a task that it fits."""
    members: int
    """Seats of those that work, where the task names none."""
    judges: int = 0
    """Seats of those that judge, where the task names none; 0: there is no judge."""
    rounds: int = 0
    """Corrections at most, where the task does not say."""
    any_members: bool = False
    """As many members as are named."""
    any_judges: bool = False
    """As many judges as are named."""


_BOTH = (Mode.BUILD, Mode.ANSWER)
SHAPES: Mapping[PatternName, PatternShape] = {
    PatternName.SOLO: PatternShape(modes=(*_BOTH, Mode.PLAN), members=1),
    PatternName.DEBATE: PatternShape(modes=(Mode.ANSWER,), members=2, judges=1, rounds=1),
    PatternName.TEAM: PatternShape(modes=(Mode.BUILD,), members=3, judges=1, any_members=True, any_judges=True),
    PatternName.CHAIN_REVIEW: PatternShape(modes=_BOTH, members=1, judges=2, rounds=2, any_judges=True),
    PatternName.DEVILS_ADVOCATE: PatternShape(modes=_BOTH, members=3),
    PatternName.EXPERT_PANEL: PatternShape(modes=(Mode.ANSWER,), members=3, judges=1, any_members=True),
    PatternName.REFINE: PatternShape(modes=(Mode.BUILD,), members=1, judges=1, rounds=3),
    PatternName.RED_TEAM: PatternShape(modes=(Mode.BUILD,), members=2, judges=1, rounds=2),
    PatternName.CONSENSUS: PatternShape(modes=(Mode.BUILD,), members=1, judges=3, rounds=2, any_judges=True),
}
"""Every pattern that there is, and what it is made of."""


def member_seats(spec: PatternSpec) -> tuple[Seat, ...]:
    """The members, in order; the task's agent sits wherever the task names none."""
    shape = SHAPES[spec.request.name]
    if shape.any_members and spec.members:
        return spec.members
    return (*spec.members, *(spec.author,) * (shape.members - len(spec.members)))


def judge_seats(spec: PatternSpec) -> tuple[Seat, ...]:
    """The judges, in order; the task's agent in every seat where the task names none."""
    return spec.judges or (spec.author,) * SHAPES[spec.request.name].judges


def writer_seat(spec: PatternSpec) -> Seat:
    """The member that makes the change, in a pattern where one does."""
    return (spec.writer if spec.continued else None) or member_seats(spec)[0]


def max_rounds(spec: PatternSpec) -> int:
    """How often work goes back to its author at most."""
    asked = spec.request.rounds
    return SHAPES[spec.request.name].rounds if asked is None else asked


def is_collapsed(spec: PatternSpec) -> bool:
    """Whether all that is left of the pattern is one author: proposals and answers are not made again."""
    apart = (PatternName.TEAM, PatternName.DEBATE, PatternName.EXPERT_PANEL)
    return spec.continued and spec.request.name in apart


def unfit_reason(spec: PatternSpec) -> str:
    """Why a task cannot have this pattern, for the line of its `pattern`; empty: it can."""
    name, request = spec.request.name, spec.request
    shape = SHAPES.get(name)
    if shape is None:
        return f"`pattern: {name}` is not available in this version; there is: {', '.join(sorted(SHAPES))}"
    if spec.mode not in shape.modes:
        return f"`pattern: {name}` does not fit `mode: {spec.mode}`; it is for {_either(shape.modes)}"
    if request.critique and name is not PatternName.TEAM:
        return f"`critique` belongs to `pattern: team`; `{name}` has none"
    return _seats_reason(spec, shape) or _rounds_reason(request.rounds)


def _either(modes: tuple[Mode, ...]) -> str:
    return " or ".join(f"`mode: {mode}`" for mode in modes)


def _seats_reason(spec: PatternSpec, shape: PatternShape) -> str:
    name, members, judges = spec.request.name, len(spec.members), len(spec.judges)
    most_members = MAX_SEATS if shape.any_members else shape.members
    most_judges = MAX_SEATS if shape.any_judges else shape.judges
    if members > most_members:
        return f"`pattern: {name}` has at most {most_members} members; `members` names {members}"
    if shape.any_members and members == 1:
        return f"`pattern: {name}` has at least 2 members; `members` names 1 (a name twice is two tries)"
    if judges > most_judges:
        return f"`pattern: {name}` has {most_judges or 'no'} judges; `judges` names {judges}"
    return ""


def _rounds_reason(rounds: int | None) -> str:
    if rounds is None or 0 <= rounds <= MAX_SEATS:
        return ""
    return f"`rounds` is a number from 0 to {MAX_SEATS}, not {rounds}"
