"""devils-advocate: a critic says what would change the proposer's opinion, and a synthesiser makes one work of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from coworkd.core.model import Mode
from coworkd.core.pattern_verdicts import Fate, JudgedFinding, PatternVerdict
from coworkd.core.reply_blocks import BlockKind, FindingsBlock, ReviewFinding
from coworkd.dispatch.patterns.changes import changes_nothing, first_tree, next_tree, tree_owner
from coworkd.dispatch.patterns.endings import absence, absent, failed, taken, undecided
from coworkd.dispatch.patterns.replay import Flow, run
from coworkd.dispatch.patterns.replies import reply_block
from coworkd.dispatch.patterns.seats import member_seats, writer_seat
from coworkd.dispatch.patterns.steps import PatternSpec, Role, RunOutcome, RunStep, StepTree

PROPOSE, CRITICISE, SYNTHESISE = "propose", "criticise", "synthesise"


def devils_advocate(spec: PatternSpec) -> Flow[PatternVerdict]:
    """Ends with the synthesis, or with the proposal where the synthesiser leaves it as it is."""
    first = RunStep(key=PROPOSE, agent=writer_seat(spec).agent, role=Role.PROPOSER, tree=first_tree(spec))
    result = yield from run(first)
    if result.outcome is RunOutcome.ABSENT:
        return absent(PROPOSE, result)
    if changes_nothing(spec, result):
        return failed(f"`{PROPOSE}` has changed nothing, so there is nothing to criticise")
    critic = _critic(spec)
    result = yield from run(critic)
    criticism = reply_block(critic, result, FindingsBlock)
    if criticism is None:
        return undecided(absence(CRITICISE, result), (PROPOSE,))
    return (yield from _synthesised(spec, criticism.findings))


def _critic(spec: PatternSpec) -> RunStep:
    return RunStep(
        key=CRITICISE,
        agent=member_seats(spec)[1].agent,
        role=Role.CRITIC,
        tree=StepTree.READ,
        of=tree_owner(spec, PROPOSE),
        shows=(PROPOSE,),
        block=BlockKind.FINDINGS,
        words=("Say of each finding what would change your opinion.",),
    )


def _synthesised(spec: PatternSpec, findings: Sequence[ReviewFinding]) -> Flow[PatternVerdict]:
    step = RunStep(
        key=SYNTHESISE,
        agent=member_seats(spec)[2].agent,
        role=Role.SYNTHESISER,
        tree=next_tree(spec),
        of=tree_owner(spec, PROPOSE),
        shows=(PROPOSE, CRITICISE),
        findings=tuple(findings),
    )
    result = yield from run(step)
    shown = tuple(JudgedFinding(finding=one, by=CRITICISE, fate=Fate.UNPROVEN) for one in findings)
    if result.outcome is RunOutcome.ABSENT:
        return replace(undecided(absence(SYNTHESISE, result), (PROPOSE,)), findings=shown)
    is_left = spec.mode is Mode.BUILD and result.outcome is RunOutcome.UNCHANGED
    reason = (
        "the proposal, which the synthesis leaves as it is" if is_left else "the synthesis of proposal and criticism"
    )
    return replace(taken(spec, PROPOSE if is_left else SYNTHESISE, reason), findings=shown)
