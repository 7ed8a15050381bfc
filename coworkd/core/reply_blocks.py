"""What an agent says in the fenced block of its reply, as values: one kind of block per question that a step is asked.

Pure. `documents.reply_blocks` reads them; the patterns of collaboration decide on them. A reply without its block is
no answer, and no answer never counts as `pass`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BlockKind(StrEnum):
    """The word after the fence."""

    ANSWER = "answer"
    BALLOT = "ballot"
    VERDICT = "verdict"
    FINDINGS = "findings"
    HANDOFF = "handoff"


class Decision(StrEnum):
    """What a gate, a validator or an arbiter decides."""

    PASS = "pass"
    FAIL = "fail"
    ABSTAIN = "abstain"


class Severity(StrEnum):
    """How much a finding matters, as its finder says; a `minor` one never blocks, the others by proof or at risk."""

    BLOCKER = "blocker"
    MAJOR = "major"
    MINOR = "minor"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFinding:
    """Something that is said to be wrong with a change."""

    severity: Severity = Severity.MAJOR
    where: str = ""
    """`PATH:LINE` or `PATH`; empty: not said."""
    claim: str
    proof: str = ""
    """A command that fails on the change; empty: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerBlock:
    """An answer to the question of a task; answers are compared without case and white space."""

    answer: str
    because: str = ""
    adopted: tuple[int, ...] = ()
    """Of the numbered claims that a consolidator is shown, those that its answer holds."""
    dissent: tuple[int, ...] = ()
    """Those that it does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BallotBlock:
    """An order of proposals by their letters, the best first."""

    rank: tuple[str, ...]
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictBlock:
    """What one judge says of one tree."""

    decision: Decision
    findings: tuple[ReviewFinding, ...] = ()
    score: float | None = None
    """0 to 10, from a judge that is asked for one."""
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsBlock:
    """What an attacker or critic found."""

    findings: tuple[ReviewFinding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffBlock:
    """What the next step, round or parent has to know."""

    done: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


ReplyBlock = AnswerBlock | BallotBlock | VerdictBlock | FindingsBlock | HandoffBlock
"""Any of them."""
