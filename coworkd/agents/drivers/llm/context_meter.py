"""How full a model's context is, and when to report it or to write a summary. Pure."""

from __future__ import annotations

from dataclasses import dataclass

WARNINGS = (0.8, 0.9)
_COMPACT = 0.85
"""The share of the context from which on the next question is preceded by a summary."""


@dataclass(slots=True)
class ContextMeter:
    """Counts against `most` tokens; None: the size is not known."""

    most: int | None
    used: int = 0
    """Tokens of the conversation as the provider counted them last."""
    warned: int = 0
    """How many of the warnings have been given."""

    def count(self, used: int) -> float | None:
        """Take a count; the share at which a warning is due for the first time."""
        self.used = used
        due = [share for share in WARNINGS if self.most and used >= share * self.most]
        if len(due) <= self.warned:
            return None
        self.warned = len(due)
        return due[-1]

    def full(self, more: int) -> bool:
        """Whether a question that is longer by `more` tokens comes too near the end."""
        return self.most is not None and self.used + more > _COMPACT * self.most

    def emptied(self) -> None:
        """A summary stands for what was there."""
        self.used = 0
        self.warned = 0
