"""expert-panel: specialists make claims apart from each other; a consolidator adopts or leaves out each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from coworkd.core.pattern_verdicts import PatternVerdict
from coworkd.core.reply_blocks import AnswerBlock, BlockKind, FindingsBlock, ReviewFinding
from coworkd.dispatch.patterns.endings import absence, absent, failed, taken, undecided
from coworkd.dispatch.patterns.replay import Flow, run, run_all
from coworkd.dispatch.patterns.replies import reply_block
from coworkd.dispatch.patterns.seats import judge_seats, member_seats, writer_seat
from coworkd.dispatch.patterns.steps import PatternSpec, Role, RunOutcome, RunStep, Seat, StepTree


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expertise:
    """What one specialist claims."""

    step: str
    claims: tuple[ReviewFinding, ...]


def expert_panel(spec: PatternSpec) -> Flow[PatternVerdict]:
    """Ends with an answer that says of every claim whether it is in it."""
    if spec.continued:
        return (yield from _one_author(spec))
    steps = [_specialist(number, seat) for number, seat in enumerate(member_seats(spec), 1)]
    results = yield from run_all(steps)
    blocks = [reply_block(step, result, FindingsBlock) for step, result in zip(steps, results, strict=True)]
    said = [
        _Expertise(step=step.key, claims=block.findings)
        for step, block in zip(steps, blocks, strict=True)
        if block is not None
    ]
    if not said:
        return failed("no specialist has answered")
    verdict = yield from _consolidated(spec, tuple(said))
    missing = tuple(f"{step.key}: absent" for step, block in zip(steps, blocks, strict=True) if block is None)
    return replace(verdict, dissent=(*missing, *verdict.dissent))


def _one_author(spec: PatternSpec) -> Flow[PatternVerdict]:
    step = RunStep(key="author", agent=writer_seat(spec).agent, role=Role.AUTHOR, tree=StepTree.READ)
    result = yield from run(step)
    is_absent = result.outcome is RunOutcome.ABSENT
    return absent(step.key, result) if is_absent else taken(spec, step.key, "the corrected answer")


def _specialist(number: int, seat: Seat) -> RunStep:
    return RunStep(
        key=f"specialist.{number}",
        agent=seat.agent,
        role=Role.SPECIALIST,
        tree=StepTree.READ,
        block=BlockKind.FINDINGS,
    )


def _consolidated(spec: PatternSpec, said: tuple[_Expertise, ...]) -> Flow[PatternVerdict]:
    claims = [(one.step, claim) for one in said for claim in one.claims]
    step = RunStep(
        key="consolidate",
        agent=judge_seats(spec)[0].agent,
        role=Role.CONSOLIDATOR,
        tree=StepTree.READ,
        shows=tuple(one.step for one in said),
        findings=tuple(claim for _, claim in claims),
        block=BlockKind.ANSWER,
        numbered=True,
    )
    result = yield from run(step)
    answer = reply_block(step, result, AnswerBlock)
    if answer is None:
        return undecided(absence(step.key, result), step.shows)
    verdict = taken(spec, step.key, f"{len(answer.adopted)} of {len(claims)} claims are adopted, and none is left over")
    left_out = (claims[number - 1] for number in sorted(answer.dissent))
    return replace(verdict, dissent=tuple(f"{by}: {claim.claim}" for by, claim in left_out))
