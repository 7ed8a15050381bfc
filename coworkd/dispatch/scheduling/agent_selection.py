"""Who does a task: the agent it names, or a stand-in while that one is unavailable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coworkd.agents.registry import DRIVERS
from coworkd.board.approvals.terminal_required import SANDBOX_LACKS
from coworkd.board.task_board import Board
from coworkd.core.model import AgentSpec, SandboxMode, TaskSpec
from coworkd.dispatch.scheduling.agent_stops import AgentStops
from coworkd.dispatch.scheduling.cooldowns import Cooldowns
from coworkd.store import CooldownRow
from coworkd.sync.awaiting_trust import awaiting_trust


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentChoice:
    """Who is to do a task."""

    agent: str
    instead_of: str = ""
    """The agent that the task names, where another one stands in."""
    until: float = 0.0
    """Nobody is to be had before this time."""


def choose_agent(
    requested: str, fallbacks: Sequence[str], unavailable_until: Mapping[str, float], now: float
) -> AgentChoice:
    """The wanted agent unless it is cooling down, else the first other that is not.

    `cooling`: until when an agent is left alone; one that is not in it is free. When all are cooling down, one
    looks again as soon as the first of them is free.
    """
    for name in (requested, *fallbacks):
        if unavailable_until.get(name, 0.0) <= now:
            return AgentChoice(agent=name, instead_of="" if name == requested else requested)
    return AgentChoice(agent=requested, until=min(unavailable_until[name] for name in (requested, *fallbacks)))


class AgentSelector:
    """Reads who is known and who was unavailable lately; used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db = board.db
        self.cooldowns = Cooldowns(board.db)
        self.stops = AgentStops(board.db)

    def requested(self, spec: TaskSpec) -> str:
        """The agent that a task asks for; empty when neither it nor the settings name one."""
        return spec.agent or self._board.specs.settings().agent

    def agent(self, name: str) -> AgentSpec | None:
        return self._board.specs.agent(name) if name else None

    def select(self, spec: TaskSpec, now: float) -> AgentChoice:
        """Who does the task now, or when somebody can."""
        wanted = self.requested(spec)
        agent = self.agent(wanted)
        others = [name for name in agent.fallback if name != wanted and not self.unusable_reason(name)] if agent else []
        return choose_agent(wanted, others, {name: self._unavailable_until(name) for name in (wanted, *others)}, now)

    def _unavailable_until(self, name: str) -> float:
        """Until when it is left alone."""
        cooldown, stop = self.cooldown(name), self.stops.find(name)
        return max(cooldown.until if cooldown else 0.0, stop.until if stop else 0.0)

    def stopped_reason(self, name: str) -> str:
        """Why an agent is stopped, and how it goes on; empty while it is not."""
        stop = self.stops.find(name)
        if stop is None:
            return ""
        return f"agent {name} is stopped: {stop.reason}; it goes on when agents/{name}.md is saved"

    def cooldown(self, name: str) -> CooldownRow | None:
        """Why this agent is left alone, or was until it is seen to answer again."""
        spec = self.agent(name)
        return self.cooldowns.find(spec) if spec else None

    def unusable_reason(self, name: str) -> str:
        """Why this agent cannot run at all, and what to do; empty when it can."""
        if not name:
            return "names no agent, and config.yaml has none either: write `agent: NAME` in one of them"
        spec = self.agent(name)
        if spec is None:
            known = ", ".join(self._board.specs.agents()) or "none yet"
            if f"agents/{name}.md" in awaiting_trust(self._db):
                return f"agents/{name}.md came by git; read it, then run `coworkd trust`"
            return f"agent `{name}` is not known: there is no agents/{name}.md (there are: {known})"
        if spec.driver not in DRIVERS:
            return f"agents/{name}.md: driver `{spec.driver}` is not one of {', '.join(sorted(DRIVERS))}"
        modes = (spec.sandbox.mode, self._board.specs.settings().sandbox.mode)
        if SandboxMode.REQUIRE in modes and (lacking := self._db.setting(SANDBOX_LACKS)):
            return f"`sandbox: require` is set, and nothing confines agents here: {lacking}"
        return ""
