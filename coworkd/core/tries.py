"""Tries: what a pattern of collaboration asks the merge queue's machinery to find out about a change. Pure values.

`dispatch` asks for a try, `merge` carries it out, and neither knows the other: both know these values.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.model import RiskLevel


class TryKind(StrEnum):
    """What a try does."""

    CHECKS = "checks"
    """Merges the change with the tip and runs the task's verification there."""
    OTHERS = "others"
    """The same, with the tests that the changes of `others` added laid over, one after the other."""
    PROOF = "proof"
    """Runs the command of a finding twice, with the files that its finder added laid over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryStep:
    """Commands on a commit; no model takes part."""

    key: str
    of: str
    """The step whose change is tried."""
    kind: TryKind = TryKind.CHECKS
    others: tuple[str, ...] = ()
    """Steps whose added tests (OTHERS) or files (PROOF: the finder) are laid over."""
    command: str = ""
    """The proof."""


class ProofOutcome(StrEnum):
    """What two runs of a finding's command say."""

    PROVEN = "proven"
    UNPROVEN = "unproven"
    """It exits with 0, 126 or 127, or runs out of time."""
    FLAKY = "flaky"
    """The two runs differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryResult:
    """What a try found."""

    merges: bool = True
    green: bool = False
    weakened: bool = False
    """The change deletes, skips or loosens tests or their configuration."""
    lines: int = 0
    """Lines added and removed."""
    risk: RiskLevel = RiskLevel.LOW
    """As computed from the change."""
    failing_others: int = 0
    """OTHERS: of how many other changes the added tests fail."""
    proof: ProofOutcome = ProofOutcome.UNPROVEN
    tail: str = ""
    """The end of the output of what is red."""
    unknown: str = ""
    """Why nothing was found out, such as a fault of the machine; empty: it was."""
