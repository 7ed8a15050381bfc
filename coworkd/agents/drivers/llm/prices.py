"""What a request to a model costs, and what it may cost at most.

Pure. Prices come from a table; a model that is not in it has none, and then a cost is unknown, never zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from coworkd.core.model import Budget
from coworkd.core.text_formats import format_usd

MIN_OUTPUT = 256
"""Tokens of reply without which a request is not worth making."""
_BYTES_PER_TOKEN = 2
"""Fewer than any of the tokenizers needs on average, so that an estimate errs on the side of too many tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """US dollars per token."""

    input: float
    output: float
    cached: float
    written: float
    """Input that the provider keeps in its cache from then on."""
    high_tier_above: int = 0
    """Tokens of input from which on `high_tier` counts for the whole request."""
    high_tier: Prices | None = None

    def for_prompt(self, prompt: int) -> Prices:
        """The prices of a request of so many tokens."""
        return self.high_tier if self.high_tier and prompt > self.high_tier_above else self


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyUsage:
    """What the provider counted for one reply; `input` includes what was cached and what was written to the cache."""

    input: int
    cached: int
    written: int
    output: int


def reply_cost(prices: Prices | None, spent: ReplyUsage) -> float | None:
    """US dollars for one reply; None: not known."""
    if prices is None:
        return None
    prices = prices.for_prompt(spent.input)
    plain = max(0, spent.input - spent.cached - spent.written)
    return (
        plain * prices.input
        + spent.cached * prices.cached
        + spent.written * prices.written
        + spent.output * prices.output
    )


def estimate_tokens(text: str) -> int:
    """Upper estimate of the tokens of a text."""
    return math.ceil(len(text.encode(errors="replace")) / _BYTES_PER_TOKEN)


class RunBudget:
    """What is left of a budget. Check before a request, charge after it."""

    def __init__(self, budget: Budget, prices: Prices | None) -> None:
        self._usd = budget.usd
        self._tokens = budget.tokens
        self._prices = prices

    def refusal_reason(self, prompt: int, output: int) -> str:
        """Why no request may be made; empty: `allowed_output` says how long its reply may be."""
        if self._usd is not None and self._prices is None:
            return "the price of this model is not known, so a budget in dollars cannot be kept: use `tokens`"
        if self.allowed_output(prompt, output) >= max(1, min(output, MIN_OUTPUT)):
            return ""
        left = [f"{self._tokens} tokens"] if self._tokens is not None else []
        left += [format_usd(self._usd)] if self._usd is not None else []
        return f"the budget would be passed by the next question (about {prompt} tokens); left are {' and '.join(left)}"

    def allowed_output(self, prompt: int, output: int) -> int:
        """How many tokens of reply may be asked for, at most `output`, so that the worst case stays in the budget."""
        if self._tokens is not None:
            output = min(output, self._tokens - prompt)
        if self._usd is not None and self._prices is not None:
            prices = self._prices.for_prompt(prompt)
            left = self._usd - prompt * max(prices.input, prices.written)
            most = output if prices.output <= 0 else math.floor(left / prices.output)
            output = min(output, most if left >= 0 else 0)
        return max(0, output)

    def charge(self, spent: ReplyUsage, usd: float | None) -> None:
        """Subtract what was really used."""
        if self._tokens is not None:
            self._tokens -= spent.input + spent.output
        if self._usd is not None and usd is not None:
            self._usd -= usd
