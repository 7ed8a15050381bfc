"""The text an agent is started with, and the text it resumes its session with. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.agents.prompt.conflict import ConflictBriefing, conflict_text
from coworkd.agents.prompt.earlier_rounds import EarlierRound, earlier_rounds_text, quoted
from coworkd.agents.prompt.step_briefing import StepBriefing, step_text
from coworkd.agents.prompt.templates import Template, render
from coworkd.core.model import AgentSpec, Loop, Mode, TaskSpec

_MAX_FILES = 100
_MAX_SUMMARY = 4000
"""Characters of the summary of a reviewed change."""
_DRIVERS_WITH_ASK_TOOL = frozenset({"llm"})
"""Their agents ask people with a tool: the prompt does not describe the outbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadMessage:
    """A message of the task's thread."""

    sender: str
    """The agent that wrote it; empty: the user."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredRequest:
    """A request of the agent, and the answer that a person gave while the agent did not run."""

    question: str
    decision: str
    """`approved`, `rejected`, `changes`, or `reply` to a question."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedChange:
    """An earlier attempt's change, as its review described it."""

    attempt: int
    files: Sequence[str]
    """One line for each file."""
    summary: str
    """What the agent said when it submitted the change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptContext:
    """What happened before this run."""

    failure: str = ""
    """How the attempt before this one failed, with the tail of its output."""
    conflict: ConflictBriefing | None = None
    """The conflict that this run is to resolve; None: there is none."""
    reviewed: ReviewedChange | None = None
    """The change that a person has reviewed and asked to change; it is in the worktree. None: there is none."""
    stacked_on: Sequence[str] = ()
    """The tasks whose changes are in the worktree and have not landed."""
    round: int = 0
    """The number of this round of the loop, from 1; 0: the task is not a loop."""
    loop: Loop | None = None
    """The settings of that loop; None: the task is not a loop."""
    earlier_rounds: Sequence[EarlierRound] = ()
    """The rounds of the loop before this one, oldest first."""
    thread: Sequence[ThreadMessage] = ()
    step: StepBriefing | None = None
    """The step of a pattern that this run is; None: it works on its task alone."""


def build_prompt(agent: AgentSpec, task: TaskSpec, title: str, context: PromptContext) -> str:
    """The agent's system prompt, the task, its thread, what happened before, and how to work and to ask a person."""
    rules = [render(Template.WORKTREE)]
    if agent.driver not in _DRIVERS_WITH_ASK_TOOL:
        rules.append(render(Template.OUTBOX))
    return _joined(
        agent.prompt.strip(),
        f"# {title}",
        task.body.strip(),
        _task_rules(task),
        _messages(context.thread),
        render(Template.STACKED, tasks=", ".join(context.stacked_on)) if context.stacked_on else "",
        _reviewed(context.reviewed) if context.reviewed else "",
        _loop_round(context),
        earlier_rounds_text(context.earlier_rounds),
        render(Template.FAILED_ATTEMPT, failure=context.failure.strip()) if context.failure else "",
        conflict_text(context.conflict) if context.conflict else "",
        step_text(context.step) if context.step else "",
        "\n".join(rules),
    )


def build_follow_up(context: PromptContext, answers: Sequence[AnsweredRequest]) -> str:
    """The prompt of a resumed session: answers, new messages, a failure and a conflict. The agent knows the rest."""
    return _joined(
        *(_answered(answered) for answered in answers),
        _messages(context.thread),
        render(Template.UNFINISHED, failure=context.failure.strip()) if context.failure else "",
        conflict_text(context.conflict) if context.conflict else "",
        step_text(context.step) if context.step else "",
        render(Template.RESUMED),
    )


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _task_rules(task: TaskSpec) -> str:
    if task.mode is Mode.PLAN:
        return render(Template.PLAN_MODE)
    if task.mode is Mode.ANSWER:
        return render(Template.ANSWER_MODE)
    return render(Template.CRITERIA) if task.criteria else ""


def _messages(thread: Sequence[ThreadMessage]) -> str:
    if not thread:
        return ""
    texts = [render(Template.MESSAGE, sender=one.sender or "the user", text=one.text.strip()) for one in thread]
    return render(Template.MESSAGES, messages="\n\n".join(texts))


def _loop_round(context: PromptContext) -> str:
    loop = context.loop
    if loop is None:
        return ""
    said = render(Template.LOOP_ROUND, round=context.round, max_rounds=loop.max_iterations, promise=loop.promise)
    return f"{said}\n{render(Template.LOOP_GIVE_UP, give_up=loop.give_up)}" if loop.give_up else said


def _answered(answered: AnsweredRequest) -> str:
    decision = "" if answered.decision == "reply" else f"**{answered.decision}**"
    answer = " ".join(part for part in (decision, answered.text.strip()) if part)
    return render(Template.ANSWERED_REQUEST, question=answered.question.strip(), answer=answer)


def _reviewed(change: ReviewedChange) -> str:
    files = [f"- {file}" for file in change.files[:_MAX_FILES]]
    if len(change.files) > _MAX_FILES:
        files.append(f"- and {len(change.files) - _MAX_FILES} more")
    summary = change.summary.strip()[:_MAX_SUMMARY]
    parts = [render(Template.REVIEWED_CHANGE, attempt=change.attempt)]
    parts += [render(Template.REVIEWED_FILES, files="\n".join(files))] if files else []
    parts += [render(Template.REVIEWED_SUMMARY, summary=quoted(summary))] if summary else []
    return "\n\n".join(parts)
