"""What an agent is told of the step of a pattern that it is to do. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.agents.prompt.templates import Template, render


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownText:
    """What another step said or made."""

    name: str
    """Its key, or the letter under which it is shown."""
    text: str = ""
    """Its reply; empty: it said nothing."""
    diff: str = ""
    """Its change; empty: it made none."""
    base: str = ""
    """The commit that the diff is against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBriefing:
    """What a step is, and what it is shown."""

    pattern: str
    step: str
    role: str
    reads_only: bool = False
    may_add_files: bool = False
    shown: Sequence[ShownText] = ()
    findings: Sequence[str] = ()
    """What it is to answer or to judge, a Markdown text each."""
    words: Sequence[str] = ()
    """What else it is told, a sentence each."""
    example: str = ""
    """The block that its reply has to end with, filled in as an example; empty: none."""
    unreadable_reason: str = ""
    """Why its last reply could not be read; empty: it is asked for the first time."""


def step_text(briefing: StepBriefing) -> str:
    """The step, in the order: part, what is shown, what was found, what the reply has to look like."""
    duty = render(Template(f"role-{briefing.role}"))
    part = render(Template.STEP, role=briefing.role, pattern=briefing.pattern, step=briefing.step, duty=duty)
    parts = [part, *briefing.words]
    parts += [render(Template.STEP_MAY_ADD)] if briefing.may_add_files else []
    parts += [render(Template.STEP_READS)] if briefing.reads_only else []
    parts += [_shown(one) for one in briefing.shown]
    if briefing.findings:
        numbered = [f"{number}. {text}" for number, text in enumerate(briefing.findings, 1)]
        parts.append(render(Template.STEP_FINDINGS, findings="\n".join(numbered)))
    parts += [render(Template.STEP_BLOCK, example=briefing.example)] if briefing.example else []
    if briefing.unreadable_reason:
        parts.append(render(Template.STEP_ASK_AGAIN, reason=briefing.unreadable_reason))
    return "\n\n".join(parts)


def _shown(shown: ShownText) -> str:
    texts = [shown.text.strip()]
    if shown.diff:
        name, base = shown.name, shown.base[:12]
        texts.append(render(Template.STEP_DIFF, name=name, base=base, diff=_fenced(shown.diff, "diff")))
    text = "\n\n".join(text for text in texts if text) or "(nothing)"
    return render(Template.STEP_SHOWN, name=shown.name, text=text)


def _fenced(text: str, word: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{word}\n{text.rstrip()}\n{fence}"
