"""team: the task is done several times, apart from each other; evidence chooses, and a jury only where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from coworkd.core.pattern_verdicts import PatternVerdict
from coworkd.core.reply_blocks import BlockKind
from coworkd.core.tries import TryKind, TryStep
from coworkd.dispatch.patterns.balloting import rank_in_both_orders
from coworkd.dispatch.patterns.changes import first_tree, highest_risk, is_risky, tree_of
from coworkd.dispatch.patterns.choice import (
    Proposal,
    choice_risk,
    distinct,
    failing_fewest,
    green,
    narrowed,
    red_reasons,
    smallest,
    with_tests_intact,
)
from coworkd.dispatch.patterns.endings import absent, failed, taken, undecided
from coworkd.dispatch.patterns.jury import jury_tally, winners
from coworkd.dispatch.patterns.replay import Flow, attempt, attempt_all, gather, run, run_all
from coworkd.dispatch.patterns.replies import LETTERS
from coworkd.dispatch.patterns.seats import judge_seats, member_seats, writer_seat
from coworkd.dispatch.patterns.steps import PatternSpec, Role, RunOutcome, RunStep, Seat, StepTree
from coworkd.dispatch.patterns.trials import red_words

Left = tuple[tuple[Proposal, ...], tuple[str, ...]]
"""The proposals that are left, and how it was counted."""


def team(spec: PatternSpec) -> Flow[PatternVerdict]:
    """Takes the proposal that five rules leave, one after another; goes on with a reviewed one by its author alone."""
    if spec.continued:
        return (yield from _one_author(spec))
    seats = member_seats(spec)
    keys = [f"propose.{letter}" for letter in LETTERS[: len(seats)]]
    made = yield from gather([_propose(key, seat) for key, seat in zip(keys, seats, strict=True)])
    proposals = tuple(one for one in made if one is not None)
    verdict = yield from _chosen(spec, proposals)
    if not verdict.letters and proposals:
        verdict = replace(verdict, letters=_letters(keys, {one.step for one in proposals}))
    return replace(
        verdict, dissent=tuple(f"{key}: no proposal" for key, one in zip(keys, made, strict=True) if not one)
    )


def _one_author(spec: PatternSpec) -> Flow[PatternVerdict]:
    step = RunStep(key="author", agent=writer_seat(spec).agent, role=Role.AUTHOR, tree=first_tree(spec))
    result = yield from run(step)
    if result.outcome is RunOutcome.ABSENT:
        return absent(step.key, result)
    tried = yield from attempt(TryStep(key="try", of=step.key))
    if tried.unknown:
        return undecided(f"the change could not be tried: {tried.unknown}", (step.key,))
    return failed(red_words(tried)) if red_words(tried) else taken(spec, step.key, "the corrected change is green")


def _propose(key: str, seat: Seat) -> Flow[Proposal | None]:
    """A proposal and its try, while the others are still made; None: there is no change."""
    result = yield from run(RunStep(key=key, agent=seat.agent, role=Role.PROPOSER, tree=StepTree.OWN))
    if result.outcome is not RunOutcome.DONE:
        return None
    tried = yield from attempt(TryStep(key=key.replace("propose", "try"), of=key))
    return Proposal(step=key, tree=tree_of(result), tried=tried, risk=highest_risk((result.risk, tried.risk)))


def _chosen(spec: PatternSpec, proposals: Sequence[Proposal]) -> Flow[PatternVerdict]:
    if not proposals:
        return failed("no proposal was made")
    left = green(proposals)
    if not left:
        return _none_green(proposals)
    first = f"merges and is green: {len(left)} of {len(proposals)} ({', '.join(one.step for one in left)})"
    left, lines = narrowed(left, {"another change": distinct, "leaves tests intact": with_tests_intact})
    left, crossed = yield from _by_others_tests(left)
    left, voted = yield from _by_jury(spec, left)
    tally = (first, *lines, *crossed, *voted)
    return replace(_taken_of(spec, left), tally=tally)


def _none_green(proposals: Sequence[Proposal]) -> PatternVerdict:
    unknown = [one for one in proposals if one.tried.unknown]
    if unknown:
        return undecided(f"no proposal is known to be green: {unknown[0].tried.unknown}", [one.step for one in unknown])
    return failed(f"no proposal is green:\n{red_reasons(proposals)}")


def _by_others_tests(left: tuple[Proposal, ...]) -> Flow[Left]:
    """Rule 3, with a try of each proposal against the tests of the others."""
    if len(left) < 2:
        return left, ()
    keys = [one.step for one in left]
    steps = [
        TryStep(
            key=key.replace("propose", "others"),
            of=key,
            kind=TryKind.OTHERS,
            others=tuple(other for other in keys if other != key),
        )
        for key in keys
    ]
    results = yield from attempt_all(steps)
    by_step = dict(zip(keys, results, strict=True))
    return narrowed(left, {"fails the fewest tests of others": lambda some: failing_fewest(some, by_step)})


def _by_jury(spec: PatternSpec, left: tuple[Proposal, ...]) -> Flow[Left]:
    """Rule 4, after a round of critique where the task asks for one."""
    if len(left) < 2:
        return left, ()
    keys = tuple(one.step for one in left)
    shown = dict.fromkeys(keys, "")
    if spec.request.critique:
        shown = yield from _criticised(spec, keys)
    jurors = yield from gather([
        rank_in_both_orders(spec, f"jury.{number}", Role.JUROR, seat, shown)
        for number, seat in enumerate(judge_seats(spec), 1)
    ])  # fmt: skip
    best = winners(keys, jurors)
    return tuple(one for one in left if one.step in best), jury_tally(keys, jurors)


def _criticised(spec: PatternSpec, keys: tuple[str, ...]) -> Flow[dict[str, str]]:
    """Every proposal that is left, with the step in which the author of the next one criticises it."""
    seats = dict(zip((f"propose.{letter}" for letter in LETTERS), member_seats(spec), strict=False))
    steps = [
        RunStep(
            key=key.replace("propose", "criticise"),
            agent=seats[critic].agent,
            role=Role.CRITIC,
            tree=StepTree.READ,
            of=key,
            shows=(key,),
            lettered=True,
            block=BlockKind.FINDINGS,
        )
        for key, critic in zip(keys, (*keys[1:], keys[0]), strict=True)
    ]
    results = yield from run_all(steps)
    return {
        step.of: step.key if result.outcome is not RunOutcome.ABSENT else ""
        for step, result in zip(steps, results, strict=True)
    }


def _taken_of(spec: PatternSpec, left: Sequence[Proposal]) -> PatternVerdict:
    """Rule 5, unless the risk is high: then a person decides a tie."""
    if len(left) > 1 and is_risky(choice_risk(spec.request.risk, left)):
        return undecided("the proposals tie, and the risk is high", ())
    chosen = smallest(left)
    why = "has the fewest lines of those that tie" if len(left) > 1 else "is the one that the rules leave"
    return taken(spec, chosen.step, f"`{chosen.step}` {why}")


def _letters(keys: Sequence[str], made: set[str]) -> tuple[str, ...]:
    return tuple(key if key in made else "" for key in keys)
