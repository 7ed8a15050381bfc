"""consensus: validators read a change apart from each other; it passes with enough voices of different families."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from coworkd.core.pattern_verdicts import JudgedFinding, PatternVerdict
from coworkd.core.reply_blocks import BlockKind, Decision, VerdictBlock
from coworkd.dispatch.patterns.changes import Change, highest_risk
from coworkd.dispatch.patterns.corrections import AuthorPart, Judgement, corrected
from coworkd.dispatch.patterns.endings import failed, taken, undecided
from coworkd.dispatch.patterns.findings import blocking, prove, proven, to_send_back
from coworkd.dispatch.patterns.replay import Flow, gather, run
from coworkd.dispatch.patterns.replies import decision_of, objections, reply_block
from coworkd.dispatch.patterns.seats import judge_seats, writer_seat
from coworkd.dispatch.patterns.steps import PatternSpec, Role, RunStep, Seat, StepTree
from coworkd.dispatch.patterns.trials import refused_trial, try_change
from coworkd.dispatch.patterns.voices import VoiceCount, VoiceOutcome, count_voices


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vote:
    """What one validator says."""

    step: str
    seat: Seat
    decision: Decision | None
    found: tuple[JudgedFinding, ...]

    @property
    def line(self) -> str:
        return f"{self.step} ({self.seat.agent}): {self.decision or 'absent'}"


def consensus(spec: PatternSpec) -> Flow[PatternVerdict]:
    """Ends well with enough voices for one tree, and nothing proven against it."""
    part = AuthorPart(spec=spec, role=Role.AUTHOR, name="make")
    return (yield from corrected(part, partial(_judge, spec)))


def _judge(spec: PatternSpec, change: Change) -> Flow[Judgement]:
    tried = yield from try_change(change)
    refused = refused_trial(change, tried)
    if refused is not None:
        return refused
    seats = enumerate(judge_seats(spec), 1)
    votes = yield from gather([_vote(spec, change, number, seat) for number, seat in seats])
    risk = highest_risk((change.risk, tried.risk))
    count = count_voices([(vote.seat, vote.decision) for vote in votes], writer_seat(spec), risk)
    found = tuple(one for vote in votes for one in vote.found)
    stands = blocking(found, risk)
    end = replace(
        _end(spec, change, count, stands),
        tally=(*(vote.line for vote in votes), count.line),
        dissent=_dissent(votes, count), findings=found, voices=count.heard,
    )  # fmt: skip
    if not stands and count.outcome is not VoiceOutcome.REFUSED:
        return Judgement(end=end)
    return Judgement(end=end, back=to_send_back(found, change.told), shows=tuple(vote.step for vote in votes))


def _vote(spec: PatternSpec, change: Change, number: int, seat: Seat) -> Flow[_Vote]:
    step = RunStep(
        key=f"validate.{change.number}.{number}",
        agent=seat.agent,
        role=Role.VALIDATOR,
        tree=StepTree.READ,
        of=change.step,
        shows=(change.reply,),
        findings=change.sent,
        block=BlockKind.VERDICT,
    )
    verdict = reply_block(step, (yield from run(step)), VerdictBlock)
    found = yield from prove(spec, change, f"proof.{change.number}.{number}", step.key, objections(verdict))
    return _Vote(step=step.key, seat=seat, decision=decision_of(verdict), found=found)


def _end(spec: PatternSpec, change: Change, count: VoiceCount, stands: Sequence[JudgedFinding]) -> PatternVerdict:
    if proven(stands):
        return failed("a finding is proven")
    if count.outcome is VoiceOutcome.REFUSED:
        return failed(f"too few voices pass: {count.line}")
    if stands:
        return undecided("findings without proof stand against the change, and its risk is high", (change.step,))
    if count.outcome is VoiceOutcome.SHORT:
        return undecided(f"there are fewer voices than the rules ask for: {count.line}", (change.step,))
    return taken(spec, change.step, f"enough voices pass: {count.line}")


def _dissent(votes: Sequence[_Vote], count: VoiceCount) -> tuple[str, ...]:
    if count.outcome is not VoiceOutcome.PASSED:
        return ()
    return tuple(vote.line for vote in votes if vote.decision is not Decision.PASS)
