"""debate: two answer apart, see each other's answer, and answer again; a judge picks only where they still differ."""

from __future__ import annotations

from dataclasses import replace

from coworkd.core.pattern_verdicts import PatternVerdict
from coworkd.core.reply_blocks import AnswerBlock, BlockKind
from coworkd.dispatch.patterns.balloting import rank_in_both_orders
from coworkd.dispatch.patterns.changes import is_risky
from coworkd.dispatch.patterns.endings import failed, taken, undecided
from coworkd.dispatch.patterns.replay import Flow, run_all
from coworkd.dispatch.patterns.replies import reply_block
from coworkd.dispatch.patterns.seats import judge_seats, max_rounds, member_seats, writer_seat
from coworkd.dispatch.patterns.steps import PatternSpec, Role, RunResult, RunStep, Seat, StepTree

_SIDES = ("a", "b")
Answers = dict[str, str]
"""What was answered last, by the step that did; a side that is absent keeps its answer of before."""


def debate(spec: PatternSpec) -> Flow[PatternVerdict]:
    """Ends with the answer that both give, else with the one that the judge prefers in both orders."""
    if spec.continued:
        return (yield from _one_author(spec))
    seats = member_seats(spec)
    sides = yield from _round(tuple(_opening(side, seat) for side, seat in zip(_SIDES, seats, strict=True)), ())
    if not sides:
        return failed("no answer was given")
    for number in range(1, max_rounds(spec) + 1):
        if len(sides) < 2 or _is_agreed(sides):
            break
        keys = tuple(sides)
        steps = tuple(_reply(number, side, seat, keys) for side, seat in zip(_SIDES, seats, strict=True))
        sides = yield from _round(steps, tuple(sides.items()))
    return (yield from _ended(spec, sides))


def _one_author(spec: PatternSpec) -> Flow[PatternVerdict]:
    step = replace(_opening("a", writer_seat(spec)), key="author", role=Role.AUTHOR)
    sides = yield from _round((step,), ())
    return taken(spec, step.key, "the corrected answer") if sides else failed("no answer was given")


def _opening(side: str, seat: Seat) -> RunStep:
    return RunStep(
        key=f"answer.{side}", agent=seat.agent, role=Role.DEBATER, tree=StepTree.READ, block=BlockKind.ANSWER
    )


def _reply(number: int, side: str, seat: Seat, keys: tuple[str, ...]) -> RunStep:
    """One side sees what it has answered itself, and then what the other has."""
    shows = keys if side == "a" else keys[::-1]
    return replace(_opening(f"{side}.{number}", seat), shows=shows)


def _round(steps: tuple[RunStep, ...], before: tuple[tuple[str, str], ...]) -> Flow[Answers]:
    results = yield from run_all(steps)
    said = [_answer(step, result) for step, result in zip(steps, results, strict=True)]
    kept = before or ((("", ""),) * len(steps))
    pairs = [(step.key, text) if text else old for step, text, old in zip(steps, said, kept, strict=True)]
    return {key: text for key, text in pairs if text}


def _answer(step: RunStep, result: RunResult) -> str:
    """What is compared: the answer without case and white space."""
    block = reply_block(step, result, AnswerBlock)
    return "" if block is None else "".join(block.answer.casefold().split())


def _is_agreed(sides: Answers) -> bool:
    return len(set(sides.values())) == 1


def _ended(spec: PatternSpec, sides: Answers) -> Flow[PatternVerdict]:
    keys = tuple(sides)
    if len(sides) < 2:
        return _tied(spec, keys, "only one side has answered")
    if _is_agreed(sides):
        return taken(spec, keys[0], "both sides give the same answer")
    judge = judge_seats(spec)[0]
    preferred = yield from rank_in_both_orders(spec, "judge", Role.JUDGE, judge, dict.fromkeys(keys, ""))
    if not preferred:
        return _tied(spec, keys, "the judge does not prefer the same answer in both orders")
    ((better, worse),) = preferred
    verdict = taken(spec, better, f"the judge ({judge.agent}) prefers `{better}` in both orders")
    return replace(verdict, letters=keys, dissent=(f"{worse}: another answer",))


def _tied(spec: PatternSpec, keys: tuple[str, ...], reason: str) -> PatternVerdict:
    if is_risky(spec.request.risk):
        return undecided(f"{reason}, and the risk is high", keys)
    verdict = taken(spec, keys[0], f"{reason}; `{keys[0]}` is the first")
    return replace(verdict, letters=keys, dissent=tuple(f"{key}: another answer" for key in keys[1:]))
