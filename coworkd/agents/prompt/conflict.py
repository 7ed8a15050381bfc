"""The section of a prompt that hands a conflict back to its author: what it is about, and what both sides meant. Pure.

What others wrote (tasks, replies, commits, names of files) is quoted. All of it has a bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.agents.prompt.earlier_rounds import quoted
from coworkd.agents.prompt.templates import Template, render
from coworkd.core.conflict_facts import ConflictFacts, LandedWork
from coworkd.core.errors import printable
from coworkd.core.text_formats import shorten, shorten_start

MAX_LINES = 50
"""Files, remarks of git's and commits that are named, of each so many."""
MAX_LANDED = 4
"""Tasks whose texts are quoted; of more, their names."""
MAX_TEXT = 2000
"""Characters of the text of a task."""
MAX_REPLY = 1000
"""Characters of the end of what an agent said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictBriefing:
    """A conflict that a run is to resolve."""

    bundle: str
    """The path of the file that describes it."""
    facts: ConflictFacts
    landed: Sequence[LandedWork] = ()
    """What landed on the same paths, latest first."""
    reply: str = ""
    """What the author said when the change was submitted."""
    touches: Sequence[str] = ()
    """Patterns of the paths that the task is to touch; empty: any."""


def conflict_text(briefing: ConflictBriefing) -> str:
    """The section of the prompt."""
    facts = briefing.facts
    parts = [render(Template.CONFLICT, bundle=briefing.bundle)]
    if facts.paths:
        parts.append(render(Template.CONFLICT_FILES, files=quoted(_lines((*facts.paths, *facts.remarks)))))
    if facts.red:
        check, output = facts.red
        parts.append(render(Template.CONFLICT_RED, check=check, output=quoted(output)))
    if briefing.touches:
        parts.append(render(Template.CONFLICT_ALLOWED, patterns=", ".join(f"`{one}`" for one in briefing.touches)))
    for landed in briefing.landed[:MAX_LANDED]:
        parts += _landed(landed)
    if more := [f"`{name}`" for name in facts.landed if name not in {one.task for one in briefing.landed[:MAX_LANDED]}]:
        parts.append(render(Template.CONFLICT_MORE_LANDED, tasks=", ".join(more)))
    if facts.commits:
        parts.append(render(Template.CONFLICT_COMMITS, commits=quoted(_lines(facts.commits))))
    if reply := briefing.reply.strip():
        parts.append(render(Template.CONFLICT_OWN_REPLY, reply=quoted(shorten_start(reply, MAX_REPLY))))
    return "\n\n".join(parts)


def _landed(landed: LandedWork) -> list[str]:
    text = shorten(f"{landed.title}\n\n{landed.text.strip()}".strip(), MAX_TEXT)
    parts = [render(Template.CONFLICT_LANDED, task=landed.task, text=quoted(text))]
    if reply := landed.reply.strip():
        parts.append(render(Template.CONFLICT_LANDED_REPLY, reply=quoted(shorten_start(reply, MAX_REPLY))))
    return parts


def _lines(lines: Sequence[str]) -> str:
    """One line for each; a name may hold any character."""
    shown = [" ".join(printable(line).split()) for line in lines[:MAX_LINES]]
    return "\n".join([*shown, *([f"and {len(lines) - MAX_LINES} more"] if len(lines) > MAX_LINES else [])])
