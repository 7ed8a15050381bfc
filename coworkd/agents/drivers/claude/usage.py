"""What was used, from Claude Code's sums: tokens add up within a turn, money over the life of the process.

Tokens are reported after every reply of the model, so that a budget can end a long turn; the result of the
turn has the final count, and is the only source of the cost.
"""

from __future__ import annotations

from collections.abc import Iterator

from coworkd.agents.json_codec import Json
from coworkd.agents.port import ContextUsed, UsageReported
from coworkd.agents.protocols.json_access import number_at, value_at
from coworkd.core.model import Usage

_NOTHING = Usage()


class UsageTracker:
    """The usage of one process."""

    def __init__(self) -> None:
        self._reply = _NOTHING
        self._turn = _NOTHING
        self._cost = 0.0
        self._context = 0

    def start_reply(self, usage: Json) -> None:
        """A reply of the model begins: the input is known."""
        self._reply = _used(usage)

    def end_reply(self, usage: Json) -> Iterator[UsageReported]:
        """A reply of the model is complete: the output is known too."""
        output = number_at(usage, "output_tokens")
        used = Usage(
            input_tokens=self._reply.input_tokens, cached_tokens=self._reply.cached_tokens, output_tokens=output
        )
        self._reply = _NOTHING
        self._context = used.input_tokens + used.output_tokens
        self._turn = self._turn.plus(used)
        if used != _NOTHING:
            yield UsageReported(usage=used)

    def end_turn(self, result: object) -> Iterator[UsageReported | ContextUsed]:
        """A turn is over: what has not been reported yet, and the cost."""
        left = _less(_used(value_at(result, "usage")), self._turn)
        self._turn = _NOTHING
        total = value_at(result, "total_cost_usd")
        cost = None
        if isinstance(total, int | float) and total >= self._cost:
            cost, self._cost = total - self._cost, float(total)
        if left != _NOTHING or cost:
            yield UsageReported(
                usage=Usage(
                    input_tokens=left.input_tokens, cached_tokens=left.cached_tokens, output_tokens=left.output_tokens,
                    cost_usd=cost,
                )
            )  # fmt: skip
        window = _window(value_at(result, "modelUsage"))
        if window and self._context:
            yield ContextUsed(used=self._context, window=window)


def _used(usage: Json) -> Usage:
    cached = number_at(usage, "cache_read_input_tokens")
    written = number_at(usage, "cache_creation_input_tokens")
    return Usage(
        input_tokens=number_at(usage, "input_tokens") + cached + written,
        cached_tokens=cached,
        output_tokens=number_at(usage, "output_tokens"),
    )


def _less(total: Usage, told: Usage) -> Usage:
    return Usage(
        input_tokens=max(0, total.input_tokens - told.input_tokens),
        cached_tokens=max(0, total.cached_tokens - told.cached_tokens),
        output_tokens=max(0, total.output_tokens - told.output_tokens),
    )


def _window(models: Json) -> int:
    """Of the model that was used most."""
    used = list(models.values()) if isinstance(models, dict) else []
    first = max(used, key=lambda one: number_at(one, "inputTokens"), default=None)
    return number_at(first, "contextWindow")
