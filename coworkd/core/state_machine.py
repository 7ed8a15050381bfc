"""A state machine as a table: where a thing begins, and where it may go from each state.

Pure. The tables of tasks, runs, submissions and requests are one file each; the store writes no state that they do not
know, the documentation's diagrams are drawn from them, and tests walk them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

State = TypeVar("State", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMachine(Generic[State]):
    """The states of one kind of thing, such as a run."""

    name: str
    """What moves, for messages."""
    start: State
    moves: Mapping[State, frozenset[State]]
    """Every state with all that it may be followed by; a state with none is final."""

    def allows(self, current: State, to: State) -> bool:
        """Whether `to` may follow `current`. To stay is always allowed."""
        return to is current or to in self.moves[current]

    def refusal_reason(self, current: State, to: State) -> str:
        """Why `to` may not follow `current`; empty when it may."""
        if self.allows(current, to):
            return ""
        allowed = ", ".join(state for state in self.moves if state in self.moves[current]) or "nothing"
        return f"a {self.name} that is {current} cannot become {to}; what may follow is: {allowed}"

    @property
    def final(self) -> frozenset[State]:
        """The states that nothing follows."""
        return frozenset(state for state, following in self.moves.items() if not following)

    def reachable(self) -> frozenset[State]:
        """Every state that can be come to from the start."""
        found, pending = {self.start}, [self.start]
        while pending:
            for state in self.moves[pending.pop()] - found:
                found.add(state)
                pending.append(state)
        return frozenset(found)
