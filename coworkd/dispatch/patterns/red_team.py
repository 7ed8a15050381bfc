"""red-team: an attacker looks for what breaks a change; what it cannot prove is for an arbiter."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from coworkd.core.pattern_verdicts import Fate, JudgedFinding, PatternVerdict
from coworkd.core.reply_blocks import BlockKind, Decision, FindingsBlock, VerdictBlock
from coworkd.dispatch.patterns.changes import Change, highest_risk
from coworkd.dispatch.patterns.corrections import AuthorPart, Judgement, corrected
from coworkd.dispatch.patterns.endings import absence, failed, taken, undecided
from coworkd.dispatch.patterns.findings import blocking, may_block, prove, proven, to_send_back, words_of
from coworkd.dispatch.patterns.replay import Flow, run
from coworkd.dispatch.patterns.replies import decision_of, reply_block
from coworkd.dispatch.patterns.seats import judge_seats, member_seats
from coworkd.dispatch.patterns.steps import PatternSpec, Role, RunStep, StepTree
from coworkd.dispatch.patterns.trials import refused_trial, try_change


def red_team(spec: PatternSpec) -> Flow[PatternVerdict]:
    """Ends well when nothing that was found is proven or upheld."""
    part = AuthorPart(spec=spec, role=Role.BUILDER, name="build")
    return (yield from corrected(part, partial(_judge, spec)))


def _judge(spec: PatternSpec, change: Change) -> Flow[Judgement]:
    tried = yield from try_change(change)
    refused = refused_trial(change, tried)
    if refused is not None:
        return refused
    step = _attack(spec, change)
    result = yield from run(step)
    attack = reply_block(step, result, FindingsBlock)
    if attack is None:
        return Judgement(end=undecided(absence(step.key, result), (change.step,)))
    found = yield from prove(spec, change, f"proof.{change.number}", step.key, attack.findings)
    found = yield from _arbitrated(spec, change, found)
    stands = blocking(found, highest_risk((change.risk, tried.risk)))
    end = replace(_end(spec, change, stands), tally=(_tally(found),), findings=found)
    return Judgement(end=end, back=to_send_back(found, change.told) if stands else (), shows=(step.key,))


def _attack(spec: PatternSpec, change: Change) -> RunStep:
    return RunStep(
        key=f"attack.{change.number}",
        agent=member_seats(spec)[1].agent,
        role=Role.ATTACKER,
        tree=StepTree.READ,
        of=change.step,
        shows=(change.reply,),
        findings=change.sent,
        block=BlockKind.FINDINGS,
    )


def _arbitrated(spec: PatternSpec, change: Change, found: tuple[JudgedFinding, ...]) -> Flow[tuple[JudgedFinding, ...]]:
    """The findings, those that are unproven with the arbiter's decision."""
    unproven = tuple(one.finding for one in found if one.fate is Fate.UNPROVEN and may_block(one.finding))
    if not unproven:
        return found
    step = RunStep(
        key=f"arbiter.{change.number}",
        agent=judge_seats(spec)[0].agent,
        role=Role.ARBITER,
        tree=StepTree.READ,
        of=change.step,
        shows=(change.reply, f"attack.{change.number}"),
        findings=unproven,
        block=BlockKind.VERDICT,
    )
    verdict = reply_block(step, (yield from run(step)), VerdictBlock)
    asked = {words_of(one) for one in unproven}
    return tuple(_decided(one, verdict, asked) if words_of(one.finding) in asked else one for one in found)


def _decided(judged: JudgedFinding, verdict: VerdictBlock | None, asked: set[str]) -> JudgedFinding:
    decision = decision_of(verdict)
    if verdict is None or decision is Decision.ABSTAIN:
        return judged
    if decision is Decision.PASS:
        return replace(judged, fate=Fate.DISMISSED)
    upheld = {words_of(one) for one in verdict.findings} & asked
    is_upheld = not upheld or words_of(judged.finding) in upheld
    return replace(judged, fate=Fate.UPHELD if is_upheld else Fate.DISMISSED)


def _end(spec: PatternSpec, change: Change, stands: tuple[JudgedFinding, ...]) -> PatternVerdict:
    if proven(stands):
        return failed("a finding is proven")
    if stands:
        return undecided("findings without proof stand against the change", (change.step,))
    return taken(spec, change.step, "nothing that the attacker found is proven or upheld")


def _tally(found: tuple[JudgedFinding, ...]) -> str:
    counts = [f"{sum(one.fate is fate for one in found)} {fate}" for fate in Fate if fate is not Fate.CORRECTED]
    return f"findings: {', '.join(counts)}"
