"""How a pattern of collaboration ended. Pure values: `dispatch` decides, `board` and `merge` show it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.reply_blocks import ReviewFinding


class PatternEnd(StrEnum):
    """What becomes of the attempt."""

    SUBMIT = "submit"
    """The change of the step `of` goes to the merge queue."""
    ANSWER = "answer"
    """The text of the step `of` is the answer."""
    FAILED = "failed"
    UNDECIDED = "undecided"
    """A person chooses, or rejects all."""


class Fate(StrEnum):
    """What became of a finding."""

    PROVEN = "proven"
    """Its command fails on the change."""
    UPHELD = "upheld"
    """By an arbiter, without proof."""
    DISMISSED = "dismissed"
    """By an arbiter."""
    UNPROVEN = "unproven"
    CORRECTED = "corrected"
    """It was proven or upheld on an earlier tree, and is not on the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedFinding:
    """A finding, and what became of it."""

    finding: ReviewFinding
    by: str
    """The step that found it."""
    fate: Fate


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternVerdict:
    """The end of a pattern."""

    decision: PatternEnd
    of: str = ""
    """The step that it is about; empty: none."""
    reason: str
    """One sentence for people."""
    tally: tuple[str, ...] = ()
    """How it was counted, a line each."""
    dissent: tuple[str, ...] = ()
    """Who was of another opinion, a line each."""
    findings: tuple[JudgedFinding, ...] = ()
    voices: tuple[str, ...] = ()
    """The families that counted."""
    letters: tuple[str, ...] = ()
    """The proposals, by letter: the first is `a`. A person chooses one of them by its letter; an empty key stands for a
    proposal that was not made, and cannot be chosen."""
