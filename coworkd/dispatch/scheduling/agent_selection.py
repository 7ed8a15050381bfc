"""Which agent does a task: the one it names, or a fallback while that one is unavailable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coworkd.agents.registry import DRIVERS
from coworkd.board.task_board import Board
from coworkd.core.clock import iso
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import AgentSpec, SandboxMode, TaskSpec
from coworkd.dispatch.scheduling.agent_stops import AgentStops
from coworkd.dispatch.scheduling.cooldowns import Cooldowns
from coworkd.store import CooldownRow
from coworkd.store.events import NewEvent
from coworkd.store.trusted_files import awaiting_trust


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentChoice:
    """The agent that is to do a task."""

    agent: str
    instead_of: str = ""
    """The agent that the task names, where another one stands in."""
    until: float = 0.0
    """When the first agent is available again; in the past where one is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """Why an agent may not be started; `until`: when time alone may change that."""

    reason: str
    until: float | None = None


def choose_agent(
    requested: str, fallbacks: Sequence[str], unavailable_until: Mapping[str, float], now: float
) -> AgentChoice:
    """The requested agent if it is available, else the first fallback that is.

    `unavailable_until` holds the agents that cool down or are stopped. Where no agent is available, the choice is the
    requested one, from when the first of them is available again.
    """
    for name in (requested, *fallbacks):
        if unavailable_until.get(name, 0.0) <= now:
            return AgentChoice(agent=name, instead_of="" if name == requested else requested)
    return AgentChoice(agent=requested, until=min(unavailable_until[name] for name in (requested, *fallbacks)))


class AgentSelector:
    """Reads which agents there are and which are unavailable; used by the writer thread alone."""

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
        """Which agent does the task now, or when one can."""
        return self.select_for(self.requested(spec), now)

    def select_for(self, requested: str, now: float) -> AgentChoice:
        """Which agent does the tasks that request this one now, or when one can."""
        agent = self.agent(requested)
        fallbacks = [n for n in agent.fallback if n != requested and not self.unusable_reason(n)] if agent else []
        until = {name: self._unavailable_until(name) for name in (requested, *fallbacks)}
        return choose_agent(requested, fallbacks, until, now)

    def unavailable(self, name: str, now: float) -> Unavailable | None:
        """Why this agent itself may not be started, whatever its fallbacks could do; None when it may."""
        if unusable := self.unusable_reason(name):
            return Unavailable(reason=unusable)
        if (until := self._unavailable_until(name)) <= now:
            return None
        cooldown = self.cooldown(name)
        kind = f" ({cooldown.kind.replace('_', ' ')})" if cooldown else ""
        reason = self.stopped_reason(name) or f"waits for agent {name}, which is unavailable{kind} until {iso(until)}"
        return Unavailable(reason=reason, until=until)

    def _unavailable_until(self, name: str) -> float:
        cooldown, stop = self.cooldown(name), self.stops.find(name)
        return max(cooldown.until if cooldown else 0.0, stop.until if stop else 0.0)

    def stopped_reason(self, name: str) -> str:
        """Why an agent is stopped, and what ends the stop; empty while it is not stopped."""
        stop = self.stops.find(name)
        if stop is None:
            return ""
        return f"agent {name} is stopped: {stop.reason}; it goes on when agents/{name}.md is saved"

    def cooldown(self, name: str) -> CooldownRow | None:
        """The cooldown of this agent's account, also one that is over while no run has shown that it answers again."""
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
        if SandboxMode.REQUIRE in modes and (lacking := self._db.state.sandbox_missing_reason):
            return f"`sandbox: require` is set, and nothing confines agents here: {lacking}"
        return ""


def choice_event(task: str, agent: str, wanted: str, cooldown: CooldownRow | None, now: float) -> NewEvent | None:
    """That a task starts with a fallback, or with the agent it asks for again; None: that agent has no cooldown."""
    if cooldown is None:
        return None
    again = agent == wanted
    data = {
        "agent": agent, "instead_of": "" if again else wanted, "until": cooldown.until, "reason": cooldown.reason,
        "error": cooldown.kind,
    }  # fmt: skip
    kind = EventKind.PRIMARY_TRIED_AGAIN if again else EventKind.FALLBACK_CHOSEN
    return NewEvent(at=now, kind=kind, task=task, data=data)
