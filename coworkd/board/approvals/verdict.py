"""What an answer in a file means for the request it was asked by.

Pure. A yes counts only for the request that is open, from bytes that were typed here, in exactly the expected word; a
no always counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.model import Answer


class Ruling(StrEnum):
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
class Given:
    """The answer as it stands in the file."""

    answer: str
    """One of the four words, or `held` for anything else."""
    written: str = ""
    request: str = ""
    comment: str = ""
    status: str = ""
    body: str = ""
    pulled: bool = False
    odd: str = ""
    """Why the file is not taken as a plain decision; empty when it is one."""
    signer: str = ""
    """Whose signature the commit bears that brought it."""
    tty: bool = False
    """It was given by command, on a terminal."""
    by_command: bool = False
    """It was given by command, on a terminal or not."""
    scope: str = "once"
    grant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Where an approval has to be given; empty reasons: the file is enough."""

    terminal_reason: str = ""
    """Why it has to be given on a terminal, or be signed."""
    command_reason: str = ""
    """Why it has to be given by command."""

    @property
    def first_line(self) -> str:
        """What a form or a review says in its first line."""
        return self.terminal_reason or self.command_reason


FILE_IS_ENOUGH = Demand()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    ruling: Ruling
    reason: str = ""


def verdict(request: str, given: Given, demand: Demand = FILE_IS_ENOUGH) -> Verdict:
    """Rule on an answer to the open request with this id; `demand` says where an approval has to be given."""
    if given.answer == Answer.PENDING:
        return Verdict(ruling=Ruling.NONE)
    if given.answer == Answer.REJECTED:
        return Verdict(ruling=Ruling.REJECTED)
    if given.answer not in (Answer.APPROVED, Answer.CHANGES):
        return Verdict(ruling=Ruling.HELD, reason=_odd(given.written))
    if given.odd:
        reason = f"this answer is held, for {given.odd}; write it plainly, or reject it"
        return Verdict(ruling=Ruling.HELD, reason=reason)
    if given.pulled and not given.signer:
        reason = "this answer came by git and was not given here; save it here, or use `coworkd approve`"
        return Verdict(ruling=Ruling.HELD, reason=reason)
    if given.request != request:
        reason = "this answer was about an older version, so it is void; look at the present one and answer again"
        return Verdict(ruling=Ruling.VOID, reason=reason)
    if given.answer == Answer.APPROVED and (reason := _demand_reason(given, demand)):
        return Verdict(ruling=Ruling.HELD, reason=reason)
    return Verdict(ruling=Ruling(given.answer))


def _demand_reason(given: Given, demand: Demand) -> str:
    """Why an approval is held that was given elsewhere than it has to be."""
    if not (given.tty or given.signer) and demand.terminal_reason:
        return demand.terminal_reason
    return "" if given.by_command else demand.command_reason


def _odd(written: str) -> str:
    shown = f"`{written}`" if written else "what stands there"
    return f"`approval:` takes exactly approved, rejected or changes; {shown} is none of them and is not taken as a yes"
