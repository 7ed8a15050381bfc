"""Where people are asked, what about, and what they answer. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ApprovalPoint(StrEnum):
    """The points at which a person may be asked."""

    PLAN = "plan"
    TOOLS = "tools"
    MERGE = "merge"


class RiskLevel(StrEnum):
    """How dangerous a change or a tool call is; `core.policy.tool_risk` and `merge.reviews` assess it."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Answer(StrEnum):
    """What a person may write under `approval`; only the daemon writes `pending`."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    CHANGES = "changes"


class Scope(StrEnum):
    """How far a granted permission reaches."""

    ONCE = "once"
    TASK = "task"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSpec:
    """What an approval or review file says: the person's decision and the request it was made about."""

    answer: Answer | None
    """None: what stands there is not one of the four words; it holds and never counts as yes."""
    written: str = ""
    """The word as it stands in the file, for the problem that quotes it."""
    comment: str = ""
    scope: Scope = Scope.ONCE
    grant: str = ""
    status: str = ""
    """Reviews only: `open`, `landed`, `reverted`, or the person's `revert` / `apply`."""
    choose: str = ""
    """Reviews of several proposals only: the letter of the one that is taken."""
    request: str = ""
    """`cowork.request` in the same bytes."""
    body: str = ""
