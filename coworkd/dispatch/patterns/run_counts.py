"""How many runs a pattern takes, seat by seat, before it has begun. Pure.

Not counted are retries, fallbacks, steps that are asked for their block again, and rounds that the queue asks for.
The least is that of a course which ends well: an attempt that fails at its first step takes fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from coworkd.core.model import PatternName
from coworkd.dispatch.patterns.replies import LETTERS
from coworkd.dispatch.patterns.seats import is_collapsed, judge_seats, max_rounds, member_seats, writer_seat
from coworkd.dispatch.patterns.steps import PatternSpec, RunCount, Seat


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRuns:
    """The runs of one seat."""

    step: str
    """The keys of its runs begin with it."""
    seat: Seat
    least: int = 1
    most: int = 1


def seat_runs(spec: PatternSpec) -> tuple[SeatRuns, ...]:
    """Every seat of a pattern that fits its task, in the order in which they are needed."""
    if is_collapsed(spec):
        return (SeatRuns(step="author", seat=writer_seat(spec)),)
    return _SEATS[spec.request.name](spec)


def run_count(spec: PatternSpec) -> RunCount:
    """The least and the most runs of all seats."""
    seats = seat_runs(spec)
    return RunCount(least=sum(seat.least for seat in seats), most=sum(seat.most for seat in seats))


def _solo(spec: PatternSpec) -> tuple[SeatRuns, ...]:
    return (SeatRuns(step="author", seat=writer_seat(spec)),)


def _debate(spec: PatternSpec) -> tuple[SeatRuns, ...]:
    sides = _each([f"answer.{side}" for side in "ab"], member_seats(spec), 1, 1 + max_rounds(spec))
    return (*sides, SeatRuns(step="judge", seat=judge_seats(spec)[0], least=0, most=2))


def _team(spec: PatternSpec) -> tuple[SeatRuns, ...]:
    members, judges = member_seats(spec), judge_seats(spec)
    letters = LETTERS[: len(members)]
    proposals = _each([f"propose.{letter}" for letter in letters], members, 1, 1)
    critics = _each([f"criticise.{letter}" for letter in letters], (*members[1:], members[0]), 0, 1)
    jurors = _each([f"jury.{number}" for number, _ in enumerate(judges, 1)], judges, 0, 2)
    return (*proposals, *(critics if spec.request.critique else ()), *jurors)


def _chain_review(spec: PatternSpec) -> tuple[SeatRuns, ...]:
    return _judged_each_time(spec, "author", "gate")


def _consensus(spec: PatternSpec) -> tuple[SeatRuns, ...]:
    return _judged_each_time(spec, "make", "validate")


def _judged_each_time(spec: PatternSpec, author: str, judge: str) -> tuple[SeatRuns, ...]:
    judges = judge_seats(spec)
    most = 1 + max_rounds(spec)
    steps = [f"{judge}.{number}" for number, _ in enumerate(judges, 1)]
    return (SeatRuns(step=author, seat=writer_seat(spec), most=most), *_each(steps, judges, 1, most))


def _red_team(spec: PatternSpec) -> tuple[SeatRuns, ...]:
    most = 1 + max_rounds(spec)
    return (
        SeatRuns(step="build", seat=writer_seat(spec), most=most),
        SeatRuns(step="attack", seat=member_seats(spec)[1], most=most),
        SeatRuns(step="arbiter", seat=judge_seats(spec)[0], least=0, most=most),
    )


def _refine(spec: PatternSpec) -> tuple[SeatRuns, ...]:
    most = 1 + max_rounds(spec)
    return (
        SeatRuns(step="draft", seat=writer_seat(spec), most=most),
        SeatRuns(step="score", seat=judge_seats(spec)[0], most=most),
    )


def _expert_panel(spec: PatternSpec) -> tuple[SeatRuns, ...]:
    members = member_seats(spec)
    specialists = _each([f"specialist.{number}" for number, _ in enumerate(members, 1)], members, 1, 1)
    return (*specialists, SeatRuns(step="consolidate", seat=judge_seats(spec)[0]))


def _devils_advocate(spec: PatternSpec) -> tuple[SeatRuns, ...]:
    seats = (writer_seat(spec), *member_seats(spec)[1:])
    return _each(["propose", "criticise", "synthesise"], seats, 1, 1)


def _each(steps: Sequence[str], seats: Sequence[Seat], least: int, most: int) -> tuple[SeatRuns, ...]:
    return tuple(
        SeatRuns(step=step, seat=seat, least=least, most=most) for step, seat in zip(steps, seats, strict=True)
    )  # fmt: skip


_SEATS: Mapping[PatternName, Callable[[PatternSpec], tuple[SeatRuns, ...]]] = {
    PatternName.SOLO: _solo,
    PatternName.DEBATE: _debate,
    PatternName.TEAM: _team,
    PatternName.CHAIN_REVIEW: _chain_review,
    PatternName.DEVILS_ADVOCATE: _devils_advocate,
    PatternName.EXPERT_PANEL: _expert_panel,
    PatternName.REFINE: _refine,
    PatternName.RED_TEAM: _red_team,
    PatternName.CONSENSUS: _consensus,
}
