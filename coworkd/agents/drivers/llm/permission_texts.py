"""What people are asked in the model's name, and their answers as the model is told them. Pure."""

from __future__ import annotations

from coworkd.agents.drivers.llm.chat_messages import clip
from coworkd.agents.drivers.llm.tools import Tool, ToolUse
from coworkd.agents.port import AnswerDecision, InboxAnswer
from coworkd.agents.prompt.templates import Template, render

_SHOWN = 4000
"""Characters of a call that are shown to the person who is to allow it."""


def permission_request(use: ToolUse, reason: str) -> str:
    """The text of the request: exactly what is to be done, and why it is asked about."""
    return f"{_action(use)}\n\nIt is asked about because {reason}."


def answer_text(answer: InboxAnswer) -> str:
    """The answer to a question."""
    said = answer.body.strip() or answer.comment.strip()
    if answer.decision is AnswerDecision.REPLY:
        return said or "(an empty answer)"
    return f"{answer.decision.value}: {said}" if said else answer.decision.value


def refusal_text(answer: InboxAnswer) -> str:
    """What the model is told when a person refused."""
    comment = answer.body.strip() or answer.comment.strip()
    return render(Template.MODEL_REFUSED_CALL, comment=f": {comment}" if comment else "")


def _action(use: ToolUse) -> str:
    match use.tool:
        case Tool.RUN:
            return f"The agent wants to run:\n\n{_block(use.text('command'))}"
        case Tool.WRITE:
            return f"The agent wants to write `{use.text('path')}`:\n\n{_block(use.text('text'))}"
        case Tool.EDIT:
            old, new = _block(use.text("old")), _block(use.text("new"))
            return f"The agent wants to change `{use.text('path')}`. Instead of\n\n{old}\n\nit is to read\n\n{new}"
        case _:
            return f"The agent wants to {use.tool} `{use.subject}`."


def _block(text: str) -> str:
    """As an indented block, which no text can end."""
    return "\n".join(f"    {line}" for line in clip(text, _SHOWN).splitlines()) or "    (nothing)"
