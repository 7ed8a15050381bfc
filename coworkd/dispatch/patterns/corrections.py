"""One author whose change is judged, goes back with what was found, and is judged again, a few times at most.

What has been proven is tried again on the corrected tree before any judge is asked: evidence goes before opinion, and
costs no model. A judgement always says what becomes of the attempt if it ends there, so rounds that are used up, an
author that is absent, and the same tree with the same findings all end it in one way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from coworkd.core.model import Mode
from coworkd.core.pattern_verdicts import JudgedFinding, PatternVerdict
from coworkd.dispatch.patterns.changes import (
    Change,
    changes_nothing,
    first_tree,
    highest_risk,
    next_tree,
    tree_of,
    tree_owner,
)
from coworkd.dispatch.patterns.endings import absence, absent, failed, settled
from coworkd.dispatch.patterns.findings import prove_again, proven, words_of
from coworkd.dispatch.patterns.replay import Flow, run
from coworkd.dispatch.patterns.seats import max_rounds, writer_seat
from coworkd.dispatch.patterns.steps import PatternSpec, Role, RunOutcome, RunResult, RunStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was found out about one tree."""

    end: PatternVerdict
    """What becomes of the attempt if it ends here."""
    back: tuple[JudgedFinding, ...] = ()
    """What the author is to correct."""
    words: tuple[str, ...] = ()
    """What else it is told, such as the output of a red command. With neither, the attempt ends."""
    shows: tuple[str, ...] = ()
    """The steps of the judges whose texts it is shown."""

    @property
    def is_evidence(self) -> bool:
        """Whether no other opinion could help: only another tree does."""
        return bool(self.words or proven(self.back))

    @property
    def says(self) -> tuple[str, ...]:
        """What makes two judgements of a tree the same."""
        return (*self.words, *sorted(words_of(one.finding) for one in self.back))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorPart:
    """Who makes the change, and under which keys: `NAME.1`, `NAME.2`."""

    spec: PatternSpec
    role: Role
    name: str


Judge = Callable[[Change], Flow[Judgement]]


def corrected(part: AuthorPart, judge: Judge) -> Flow[PatternVerdict]:
    """Let the author work, and correct what the judge sends back."""
    first = _first_step(part)
    result = yield from run(first)
    if result.outcome is RunOutcome.ABSENT:
        return absent(first.key, result)
    if changes_nothing(part.spec, result):
        return failed(f"`{first.key}` has changed nothing, so there is nothing to judge")
    return (yield from _rounds(part, _first_change(part, first.key, result), judge))


def _rounds(part: AuthorPart, change: Change, judge: Judge) -> Flow[PatternVerdict]:
    past: tuple[JudgedFinding, ...] = ()
    seen: set[tuple[str, ...]] = set()
    while True:
        judgement = yield from _judged(change, judge)
        again = (change.tree, *judgement.says)
        if change.last or not judgement.says or again in seen:
            return settled(judgement.end, past)
        seen.add(again)
        past += judgement.back
        step = _correction(part, change, judgement)
        result = yield from run(step)
        if result.outcome is RunOutcome.ABSENT:
            return settled(_ended_early(judgement, absence(step.key, result)), past)
        following = _following(part, change, judgement, step.key, result)
        if following.tree == change.tree and judgement.is_evidence:
            return settled(_ended_early(judgement, f"`{step.key}` has left the change as it was"), past)
        change = following


def _judged(change: Change, judge: Judge) -> Flow[Judgement]:
    standing = yield from prove_again(change)
    if not standing:
        return (yield from judge(change))
    end = failed(f"{len(standing)} of the proven findings are still proven on the corrected change")
    return Judgement(end=replace(end, findings=standing), back=standing)


def _ended_early(judgement: Judgement, reason: str) -> PatternVerdict:
    return replace(judgement.end, reason=f"{judgement.end.reason}; {reason}")


def _first_step(part: AuthorPart) -> RunStep:
    agent = writer_seat(part.spec).agent
    return RunStep(key=f"{part.name}.1", agent=agent, role=part.role, tree=first_tree(part.spec))


def _first_change(part: AuthorPart, step: str, result: RunResult) -> Change:
    risk = highest_risk((part.spec.request.risk, result.risk))
    last = max_rounds(part.spec) == 0
    return Change(step=step, reply=step, number=1, tree=tree_of(result), risk=risk, last=last)


def _correction(part: AuthorPart, change: Change, judgement: Judgement) -> RunStep:
    return RunStep(
        key=f"{part.name}.{change.number + 1}",
        agent=writer_seat(part.spec).agent,
        role=part.role,
        tree=next_tree(part.spec),
        of=tree_owner(part.spec, change.step),
        shows=(change.reply, *judgement.shows),
        findings=tuple(one.finding for one in judgement.back),
        words=(*_proof_words(judgement), *judgement.words),
    )


def _proof_words(judgement: Judgement) -> tuple[str, ...]:
    count = len(proven(judgement.back))
    if not count:
        return ()
    which = "The first finding is" if count == 1 else f"The first {count} findings are"
    return (f"{which} proven: the command was run on your change, and fails. The rest is opinion.",)


def _following(part: AuthorPart, change: Change, judgement: Judgement, step: str, result: RunResult) -> Change:
    is_unchanged = part.spec.mode is Mode.BUILD and result.outcome is RunOutcome.UNCHANGED
    return Change(
        step=change.step if is_unchanged else step,
        reply=step,
        number=change.number + 1,
        tree=change.tree if is_unchanged else tree_of(result),
        risk=highest_risk((change.risk, result.risk)),
        last=change.number >= max_rounds(part.spec),
        told=change.told | {words_of(one.finding) for one in judgement.back},
        sent=tuple(one.finding for one in judgement.back),
        proven=proven(judgement.back),
    )
