"""What the rounds of a loop hand on to the next one: why each was not the last, and what its agent said. Pure.

All of it is output of agents and commands, so it is quoted. It has a bound: the last round of a long loop is told no
more than an early one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.agents.prompt.templates import Template, render

MAX_ROUNDS = 5
"""Rounds that the next one is told of."""
MAX_CONTINUE_REASON = 4000
"""Characters of what was not right with the newest round."""
MAX_REPLY = 1500
"""Characters of the end of what the newest round's agent said."""
OLDER_SHARE = 4
"""Of a round before the newest one, so many times fewer characters are handed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRound:
    """A round of the same loop that is over."""

    number: int
    continue_reason: str
    """Why another one followed."""
    reply: str
    """What its agent said."""


def earlier_rounds_text(rounds: Sequence[EarlierRound]) -> str:
    """The section of the prompt; `rounds` are oldest first. Empty where there are none."""
    if not rounds:
        return ""
    newest, *older = reversed(rounds)
    texts = [_round(newest, 1), *(_round(one, OLDER_SHARE) for one in older[: MAX_ROUNDS - 1])]
    return render(Template.LOOP_LEARNINGS, rounds="\n\n".join(texts))


def _round(one: EarlierRound, share: int) -> str:
    reason = quoted(_end(one.continue_reason, MAX_CONTINUE_REASON // share))
    texts = [render(Template.LOOP_EARLIER_ROUND, round=one.number, lacking=reason)]
    reply = _end(one.reply, MAX_REPLY // share)
    texts += [render(Template.LOOP_EARLIER_REPLY, reply=quoted(reply))] if reply else []
    return "\n\n".join(texts)


def _end(text: str, length: int) -> str:
    """The end of a text, where commands and agents say how it went, from the beginning of a line where there is one."""
    text = text.strip()
    if len(text) <= length:
        return text
    end = text[-length:]
    return "[...]\n" + (end.partition("\n")[2] or end)


def quoted(text: str) -> str:
    """As a quotation in Markdown, every line of it."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())
