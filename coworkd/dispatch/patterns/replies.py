"""What the reply of a step says, if it says what the step was asked for. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TypeVar

from coworkd.core.reply_blocks import (
    AnswerBlock,
    BallotBlock,
    BlockKind,
    Decision,
    FindingsBlock,
    HandoffBlock,
    ReplyBlock,
    ReviewFinding,
    VerdictBlock,
)
from coworkd.dispatch.patterns.steps import RunOutcome, RunResult, RunStep

B = TypeVar("B", AnswerBlock, BallotBlock, FindingsBlock, VerdictBlock)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
_KINDS = {
    BlockKind.ANSWER: AnswerBlock,
    BlockKind.BALLOT: BallotBlock,
    BlockKind.VERDICT: VerdictBlock,
    BlockKind.FINDINGS: FindingsBlock,
    BlockKind.HANDOFF: HandoffBlock,
}


def unfit_block_reason(step: RunStep, block: ReplyBlock | None) -> str:
    """Why a block is no answer to what the step was asked, in words for its agent; empty: it is one.

    A step whose block is unfit is asked once more, as one whose block cannot be read, and then it is absent.
    """
    if step.block is None:
        return ""
    if not isinstance(block, _KINDS[step.block]):
        return f"the reply has no block `{step.block}`"
    if isinstance(block, BallotBlock):
        return _ballot_reason(step, block)
    if isinstance(block, VerdictBlock):
        return _score_reason(step, block)
    return _marks_reason(step, block) if isinstance(block, AnswerBlock) else ""


def reply_block(step: RunStep, result: RunResult, kind: type[B]) -> B | None:
    """The block of a step that has answered what it was asked; None: the step is absent, or as good as absent."""
    block = result.block
    if result.outcome is RunOutcome.ABSENT or unfit_block_reason(step, block):
        return None
    return block if isinstance(block, kind) else None


def decision_of(verdict: VerdictBlock | None) -> Decision | None:
    """What a judge decides; None: it is absent."""
    return None if verdict is None else verdict.decision


def objections(verdict: VerdictBlock | None) -> tuple[ReviewFinding, ...]:
    """What a judge has found; a `fail` without findings is one by its reason."""
    if verdict is None:
        return ()
    if verdict.decision is Decision.FAIL and not verdict.findings:
        return (ReviewFinding(claim=verdict.because.strip() or "the decision is `fail`, without a reason"),)
    return verdict.findings


def ranked_steps(step: RunStep, ballot: BallotBlock | None) -> tuple[str, ...]:
    """The steps that a ballot ranks, the best first; empty: there is no ballot."""
    return () if ballot is None else tuple(step.shows[LETTERS.index(letter)] for letter in ballot.rank)


def _ballot_reason(step: RunStep, ballot: BallotBlock) -> str:
    letters = LETTERS[: len(step.shows)]
    if Counter(ballot.rank) == Counter(letters):
        return ""
    return f"`rank` has to hold each of {', '.join(letters)} once, and nothing else"


def _score_reason(step: RunStep, verdict: VerdictBlock) -> str:
    if step.scored and (verdict.score is None or not 0 <= verdict.score <= 10):
        return "the verdict has to give a `score` from 0 to 10"
    return ""


def _marks_reason(step: RunStep, answer: AnswerBlock) -> str:
    if not answer.answer.strip():
        return "`answer` is empty"
    if not step.numbered or sorted((*answer.adopted, *answer.dissent)) == list(range(1, len(step.findings) + 1)):
        return ""
    return f"each claim from 1 to {len(step.findings)} has to stand once, in `adopted` or in `dissent`"
