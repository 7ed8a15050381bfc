"""How several agents work on one task, as its author asks for it. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from coworkd.core.model.approvals import RiskLevel


class PatternName(StrEnum):
    """The patterns of collaboration; `docs/patterns.md` says when each is worth its cost."""

    SOLO = "solo"
    DEBATE = "debate"
    TEAM = "team"
    CHAIN_REVIEW = "chain-review"
    DEVILS_ADVOCATE = "devils-advocate"
    EXPERT_PANEL = "expert-panel"
    REFINE = "refine"
    RED_TEAM = "red-team"
    CONSENSUS = "consensus"
    HIERARCHY = "hierarchy"


class Decide(StrEnum):
    """Who decides where the voices that the rules ask for cannot be had."""

    AUTO = "auto"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternRequest:
    """The key `pattern` of a task, completed by the workspace's defaults for that pattern."""

    name: PatternName = PatternName.SOLO
    members: tuple[str, ...] = ()
    """Agents that work, in order; a name twice is two tries. Empty: the task's agent for every seat."""
    judges: tuple[str, ...] = ()
    """Agents that only judge. Empty: the task's agent."""
    rounds: int | None = None
    """None: what the pattern has by default."""
    risk: RiskLevel = RiskLevel.LOW
    """The least risk that is taken for granted: it can only raise what was computed."""
    decide: Decide = Decide.AUTO
    critique: int = 0
    """1: the proposers of a team criticise each other's proposals before the jury."""
    given: frozenset[str] = field(default=frozenset(), compare=False)
    """The keys that were written; every other one takes what the workspace's settings have for this pattern."""

    def completed_by(self, defaults: PatternRequest) -> PatternRequest:
        """The request with those values of `defaults` that it leaves open."""
        missing = {name: getattr(defaults, name) for name in defaults.given - self.given}
        return replace(self, **missing, given=self.given | defaults.given) if missing else self


SOLO = PatternRequest()
