"""The kinds of document, what may be wrong with one; messages and plans as they are written. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.model.approvals import AnswerSpec
from coworkd.core.plan_order import Order


class Kind(StrEnum):
    """The kinds of document in a workspace; the folder of each is in `documents`."""

    TASK = "task"
    PLAN = "plan"
    MESSAGE = "message"
    APPROVAL = "approval"
    REVIEW = "review"
    AGENT = "agent"
    CONFIG = "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something a person should fix, with the place and what to write instead."""

    path: str
    """Relative to `.cowork/`."""
    line: int
    """1-based; 0: the file as a whole."""
    message: str


class MessageKind(StrEnum):
    REPLY = "reply"
    QUESTION = "question"
    PROGRESS = "progress"
    RESULT = "result"


class MessageState(StrEnum):
    STREAMING = "streaming"
    DONE = "done"
    ERROR = "error"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSpec:
    """A message file as its author wrote it."""

    sender: str = ""
    """Empty: the user."""
    kind: MessageKind = MessageKind.REPLY
    draft: bool = False
    resend: bool = False
    reply_to: str = ""
    body: str = ""


class PlanLevel(StrEnum):
    """Initiative > phase > plan: a plan names its parent, tasks name their plan."""

    INITIATIVE = "initiative"
    PHASE = "phase"
    PLAN = "plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSpec:
    """A plan file."""

    title: str = ""
    level: PlanLevel = PlanLevel.PLAN
    parent: str = ""
    """Id of the plan above; empty: none."""
    order: Order = ()
    """Its place among the children of its parent; empty: none."""
    sequential: bool = False
    """Its children with a place are done one after another."""
    size: float = 1.0
    """How much it counts in the progress of its parent."""
    answer: AnswerSpec | None = None
    """None: no approval of this plan is requested."""
    body: str = ""
