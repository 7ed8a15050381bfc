"""What is reported of work: its usage, and how a check went. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a turn cost. None is unknown, never zero."""

    input_tokens: int = 0
    """Including cached input."""
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None

    def plus(self, other: Usage) -> Usage:
        """Both together; an unknown cost beside a known one leaves the known one standing."""
        known = [u.cost_usd for u in (self, other) if u.cost_usd is not None]
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=sum(known) if known else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One verification command as it went."""

    command: str
    exit: int
    """Negative: ended by that signal."""
    seconds: float
    tail: str = field(default="", compare=False)
    timed_out: bool = False
    setup: bool = False
    """It made the folder ready for the verification, and verified nothing itself."""
    from_tip: str = ""
    """The files that were put back to the tip's version for it; empty: it ran on the change as it would land."""
    reached: str = ""
    """What leads it into a checkout of the user, so that it says nothing about the commit; empty: nothing."""
    hidden: bool = False
    """It did not get to see what it was led to: that is why it is red."""

    @property
    def green(self) -> bool:
        return self.exit == 0 and not self.timed_out
