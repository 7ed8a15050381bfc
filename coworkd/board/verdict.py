"""What an answer in a file means for the request it was asked by.

Pure. A yes counts only for the request that is open, from bytes that were typed here, in exactly the expected word; a
no always counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coworkd.model import Answer


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
    scope: str = "once"
    grant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    ruling: Ruling
    reason: str = ""


def verdict(request: str, given: Given, terminal: str = "") -> Verdict:
    """Rule on an answer to the open request with this id.

    `terminal` says why a yes has to be given on a terminal, or signed; empty when a file's word is enough.
    """
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
    if terminal and given.answer == Answer.APPROVED and not (given.tty or given.signer):
        return Verdict(ruling=Ruling.HELD, reason=terminal)
    return Verdict(ruling=Ruling(given.answer))


def _odd(written: str) -> str:
    shown = f"`{written}`" if written else "what stands there"
    return f"`approval:` takes exactly approved, rejected or changes; {shown} is none of them and is not taken as a yes"
