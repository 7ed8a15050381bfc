"""What agents are told: the prompt of a task, and every other text of coworkd's own, one Markdown file per kind.

What a person wrote is passed on word for word; what coworkd adds is short. It must never name a driver's program.
"""

from coworkd.agents.prompt.conflict import ConflictBriefing
from coworkd.agents.prompt.earlier_rounds import EarlierRound
from coworkd.agents.prompt.step_briefing import ShownText, StepBriefing
from coworkd.agents.prompt.task_prompt import (
    AnsweredRequest,
    PromptContext,
    ReviewedChange,
    ThreadMessage,
    build_follow_up,
    build_prompt,
)
from coworkd.agents.prompt.templates import Template, render

__all__ = [
    "AnsweredRequest",
    "ConflictBriefing",
    "EarlierRound",
    "PromptContext",
    "ReviewedChange",
    "ShownText",
    "StepBriefing",
    "Template",
    "ThreadMessage",
    "build_follow_up",
    "build_prompt",
    "render",
]
