"""chain-review: gates read a change one after another; what one of them sends back is read by all of them again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

from coworkd.core.pattern_verdicts import JudgedFinding, PatternVerdict
from coworkd.core.reply_blocks import BlockKind, Decision, VerdictBlock
from coworkd.dispatch.patterns.changes import Change, is_risky, tree_owner
from coworkd.dispatch.patterns.corrections import AuthorPart, Judgement, corrected
from coworkd.dispatch.patterns.endings import failed, taken, undecided
from coworkd.dispatch.patterns.findings import blocking, prove, proven, to_send_back
from coworkd.dispatch.patterns.replay import Flow, run
from coworkd.dispatch.patterns.replies import decision_of, objections, reply_block
from coworkd.dispatch.patterns.seats import judge_seats
from coworkd.dispatch.patterns.steps import PatternSpec, Role, RunStep, Seat, StepTree


@dataclass(frozen=True, slots=True, kw_only=True)
class _GatesSoFar:
    """What the gates have said of one tree, up to here."""

    tally: tuple[str, ...] = ()
    dissent: tuple[str, ...] = ()
    findings: tuple[JudgedFinding, ...] = field(default=())

    def end(self, verdict: PatternVerdict) -> PatternVerdict:
        return replace(verdict, tally=self.tally, dissent=self.dissent, findings=self.findings)


def chain_review(spec: PatternSpec) -> Flow[PatternVerdict]:
    """Ends well when every gate has let one and the same tree pass, or has objected to it without proof at low risk."""
    part = AuthorPart(spec=spec, role=Role.AUTHOR, name="author")
    return (yield from corrected(part, partial(_judge, spec)))


def _judge(spec: PatternSpec, change: Change) -> Flow[Judgement]:
    gates = _GatesSoFar()
    for number, seat in enumerate(judge_seats(spec), 1):
        step = _gate(spec, change, number, seat)
        verdict = reply_block(step, (yield from run(step)), VerdictBlock)
        decision = decision_of(verdict)
        found = yield from prove(spec, change, f"proof.{change.number}.{number}", step.key, objections(verdict))
        gates = _with_gate(gates, f"{step.key} ({seat.agent})", decision, found)
        if decision in (None, Decision.ABSTAIN):
            words = "is absent" if decision is None else "abstains"
            return Judgement(end=gates.end(undecided(f"{step.key} ({seat.agent}) {words}", (change.step,))))
        stopped = _stopped(change, gates, found, decision)
        if stopped is not None:
            return replace(stopped, shows=(step.key,))
        if decision is Decision.FAIL:
            gates = replace(gates, dissent=(*gates.dissent, f"{step.key} ({seat.agent}) says fail, without proof"))
    return Judgement(end=gates.end(taken(spec, change.step, _passed(gates))))


def _gate(spec: PatternSpec, change: Change, number: int, seat: Seat) -> RunStep:
    return RunStep(
        key=f"gate.{change.number}.{number}",
        agent=seat.agent,
        role=Role.GATE,
        tree=StepTree.READ,
        of=tree_owner(spec, change.step),
        shows=(change.reply,),
        findings=change.sent,
        block=BlockKind.VERDICT,
    )


def _with_gate(
    gates: _GatesSoFar, gate: str, decision: Decision | None, found: tuple[JudgedFinding, ...]
) -> _GatesSoFar:
    line = f"{gate}: {decision or 'absent'}"
    return replace(gates, tally=(*gates.tally, line), findings=(*gates.findings, *found))


def _stopped(
    change: Change, gates: _GatesSoFar, found: tuple[JudgedFinding, ...], decision: Decision | None
) -> Judgement | None:
    """That the change goes no further than this gate; None: it passes, as what is against it blocks nothing."""
    stands = bool(blocking(found, change.risk))
    is_refused = decision is Decision.FAIL
    if not (stands or is_refused):
        return None
    back = to_send_back(gates.findings, change.told)
    if not (stands or is_risky(change.risk)) and (change.last or not back):
        return None
    return Judgement(end=gates.end(_end(change, found)), back=back)


def _end(change: Change, found: tuple[JudgedFinding, ...]) -> PatternVerdict:
    if proven(found):
        return failed("a finding is proven")
    return undecided("a gate refuses the change, without proof", (change.step,))


def _passed(gates: _GatesSoFar) -> str:
    if gates.dissent:
        return f"{len(gates.tally) - len(gates.dissent)} of {len(gates.tally)} gates pass, the others have no proof"
    return f"all {len(gates.tally)} gates pass, on one tree"
