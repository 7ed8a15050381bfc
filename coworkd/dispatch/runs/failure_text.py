"""How a failed run is described to people: what went wrong, and what to do. Pure."""

from __future__ import annotations

from coworkd.agents.port import ErrorKind
from coworkd.agents.worker import refused_hosts
from coworkd.board.views.attention import reply_excerpt
from coworkd.core.text_formats import shorten
from coworkd.store import FinishedRun, RunRow

LINE_LENGTH = 120
"""Characters of a reason on the board."""

LONG_REASON = 400
"""Characters of a reason that is the only place where something is said."""

_ADVICE = {
    ErrorKind.AUTH: "sign it in, or give it a key (`login`, `env_pass` in agents/{agent}.md)",
    ErrorKind.CONTEXT: "make the task smaller, or give it to a model that holds more",
}


def describe_error(run: FinishedRun, length: int = LINE_LENGTH) -> str:
    """What went wrong, in so many characters at most, and what to do where that is known."""
    error = first_line(run.explanation, length)
    kind = run.error.kind if run.error else ""
    advice = _ADVICE[ErrorKind(kind)].format(agent=run.agent) if kind in _ADVICE else ""
    return "; ".join(part for part in (error, advice) if part)


def last_words(run: FinishedRun) -> str:
    """What went wrong, and the end of what the agent said, for an item that speaks of no single task."""
    said = reply_excerpt(run.reply)
    return "; ".join(part for part in (describe_error(run), f"it said last: `{said}`" if said else "") if part)


def refused_hint(run: RunRow) -> str:
    """What the sandbox refused, and the line to write; empty when that was nothing."""
    entries = run.live.refused_hosts.split()
    if not entries:
        return ""
    return f"{refused_hosts.describe(entries)}: {refused_hosts.advice(entries, f'agents/{run.agent}.md')}"


def with_detail(reason: str, detail: str, hint: str) -> str:
    details = "; ".join(part for part in (detail, hint) if part)
    return f"{reason}: {details}" if details else reason


def first_line(text: str, length: int = LINE_LENGTH) -> str:
    """The first line that is not empty, short enough for a board."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return shorten(line, length)
