"""What an agent was refused in one run, and when that ends the run.

A refused call is explained to the agent, so that it finds another way. Two loops must not follow. An agent that
answers each explanation with the same call would be prompted for as long as its run may last: so the same refusal is
explained once, and only a few prompts may consist of explanations alone. An agent that goes on asking within one turn
would do so for as long as its budget lasts: so the run ends after many refusals in a row.
"""

from __future__ import annotations

MAX_IN_A_ROW = 20
"""Refused calls without an allowed one between them, after which a run ends."""
MAX_EXPLAINING_PROMPTS = 3
"""Prompts that tell the agent nothing but what it was refused, since a person last said something."""


class Refusals:
    """Counts the refusals of one start of a run. Used by the run's own thread."""

    def __init__(self) -> None:
        self._explained: set[str] = set()
        self._explanations: list[str] = []
        self._in_a_row = 0
        self._prompts = 0
        self._last = ""

    def add(self, key: str, explanation: str = "") -> None:
        """A call was refused; `key` is the same for the same refusal, and `explanation` is for the agent."""
        self._in_a_row += 1
        self._last = explanation or "a person did not allow it."
        if explanation and key not in self._explained:
            self._explained.add(key)
            self._explanations.append(explanation)

    def reset_row(self) -> None:
        """A call was allowed: the agent has found something that it may do."""
        self._in_a_row = 0

    def take_explanations(self, *, person_spoke: bool) -> list[str]:
        """What the next prompt is to explain. Nothing, once explanations alone have been the prompt too often."""
        explanations, self._explanations = self._explanations, []
        if person_spoke:
            self._prompts = 0
            return explanations
        if not explanations or self._prompts >= MAX_EXPLAINING_PROMPTS:
            return []
        self._prompts += 1
        return explanations

    @property
    def limit_reason(self) -> str:
        """Why the run has to end; empty while it may go on."""
        if self._in_a_row < MAX_IN_A_ROW:
            return ""
        return (
            f"{self._in_a_row} calls in a row were refused; the last one: {self._last} "
            "Allow what the task needs under `tools` in the agent's file, or say in the task how to do without it."
        )
