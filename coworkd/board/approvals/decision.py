"""What an answer in a file means for the request it was asked by.

Pure. An approval counts only for the open request, from bytes that were typed here, in exactly the expected word; a
rejection always counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from coworkd.core.model import Answer


class ApprovalOutcome(StrEnum):
    NONE = "none"
    """Nothing has been answered."""
    APPROVED = "approved"
    REJECTED = "rejected"
    CHANGES = "changes"
    VOID = "void"
    """It answers an older request: put back, and say so."""
    HELD = "held"
    """It cannot be taken as it stands; the reason is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedAnswer:
    """The answer as it stands in the file."""

    answer: str
    """One of the four words, or `held` for anything else."""
    written: str = ""
    request: str = ""
    comment: str = ""
    status: str = ""
    body: str = ""
    pulled: bool = False
    held_reason: str = ""
    """Why the file is not taken as a plain decision; empty when it is one."""
    signer: str = ""
    """Whose signature the commit bears that brought it."""
    on_terminal: bool = False
    """It was given by command, on a terminal."""
    by_command: bool = False
    """It was given by command, on a terminal or not."""
    scope: str = "once"
    grant: str = ""
    choose: str = ""
    """The letter of a proposal, as it is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequirement:
    """Where an approval has to be given; empty reasons: the file is enough."""

    terminal_reason: str = ""
    """Why it has to be given on a terminal, or be signed."""
    command_reason: str = ""
    """Why it has to be given by command."""

    @property
    def first_line(self) -> str:
        """What a form or a review says in its first line."""
        return self.terminal_reason or self.command_reason


NO_REQUIREMENT = ApprovalRequirement()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalDecision:
    outcome: ApprovalOutcome
    reason: str = ""


def decide(
    request: str, answer: SubmittedAnswer, requirement: ApprovalRequirement = NO_REQUIREMENT
) -> ApprovalDecision:
    """Rule on an answer to the open request with this id; `requirement` says where an approval has to be given."""
    if answer.answer == Answer.PENDING:
        return ApprovalDecision(outcome=ApprovalOutcome.NONE)
    if answer.answer == Answer.REJECTED:
        return ApprovalDecision(outcome=ApprovalOutcome.REJECTED)
    if answer.answer not in (Answer.APPROVED, Answer.CHANGES):
        return ApprovalDecision(outcome=ApprovalOutcome.HELD, reason=_odd_word_reason(answer.written))
    if answer.held_reason:
        reason = f"this answer is held, for {answer.held_reason}; write it plainly, or reject it"
        return ApprovalDecision(outcome=ApprovalOutcome.HELD, reason=reason)
    if answer.pulled and not answer.signer:
        reason = "this answer came by git and was not given here; save it here, or use `coworkd approve`"
        return ApprovalDecision(outcome=ApprovalOutcome.HELD, reason=reason)
    if answer.request != request:
        reason = "this answer was about an older version, so it is void; look at the present one and answer again"
        return ApprovalDecision(outcome=ApprovalOutcome.VOID, reason=reason)
    if answer.answer == Answer.APPROVED and (reason := _unmet_requirement_reason(answer, requirement)):
        return ApprovalDecision(outcome=ApprovalOutcome.HELD, reason=reason)
    return ApprovalDecision(outcome=ApprovalOutcome(answer.answer))


def decide_choice(
    request: str, answer: SubmittedAnswer, letters: Sequence[str], requirement: ApprovalRequirement = NO_REQUIREMENT
) -> ApprovalDecision:
    """Rule on an answer to a request to choose one of several proposals; APPROVED: the one with the letter `choose`.

    A choice has to be given where an approval has to.
    """
    offered = ", ".join(letters)
    if not answer.choose:
        ruling = decide(request, answer)
        if ruling.outcome is not ApprovalOutcome.APPROVED:
            return ruling
        reason = f"there are several proposals: write `choose:` and one of {offered}"
        return ApprovalDecision(outcome=ApprovalOutcome.HELD, reason=reason)
    if answer.answer in (Answer.REJECTED, Answer.CHANGES):
        return ApprovalDecision(
            outcome=ApprovalOutcome.HELD, reason=f"`choose` and `approval: {answer.answer}` exclude each other"
        )
    if answer.choose not in letters:
        reason = f"`choose: {answer.choose}` is none of the proposals, which are {offered}"
        return ApprovalDecision(outcome=ApprovalOutcome.HELD, reason=reason)
    return decide(request, replace(answer, answer=Answer.APPROVED), requirement)


def _unmet_requirement_reason(given: SubmittedAnswer, requirement: ApprovalRequirement) -> str:
    """Why an approval is held that was given elsewhere than it has to be."""
    if not (given.on_terminal or given.signer) and requirement.terminal_reason:
        return requirement.terminal_reason
    return "" if given.by_command else requirement.command_reason


def _odd_word_reason(written: str) -> str:
    shown = f"`{written}`" if written else "what stands there"
    return f"`approval:` takes exactly approved, rejected or changes; {shown} is none of them and approves nothing"
