"""The text an agent is started with.

Pure. Whatever a person wrote is passed on word for word; what coworkd adds is short and says where it comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.core.model import AgentSpec, Mode, TaskSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadMessage:
    """A message of the thread."""

    sender: str
    """Empty: the user."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredRequest:
    """A request of the agent's, and what a person said to it while the agent was away."""

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
    """The words with which the agent handed it in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptContext:
    """What came before this run."""

    failure: str = ""
    """How the attempt before this one failed, with the tail of its output."""
    conflict: str = ""
    """What the submission collided with; the run is to resolve that and nothing else."""
    reviewed: ReviewedChange | None = None
    """The change that a person has looked at and wants otherwise; it is in the worktree."""
    round: int = 0
    """Of a loop; 0: of none."""
    thread: Sequence[ThreadMessage] = ()


def build_prompt(agent: AgentSpec, task: TaskSpec, title: str, background: PromptContext) -> str:
    """The whole prompt: the agent's system prompt, the task, its thread, what went wrong before, how to ask."""
    parts = [agent.prompt.strip(), f"# {title}", task.body.strip()]
    if task.mode is Mode.PLAN:
        parts.append(_PLAN_RULES)
    elif task.criteria:
        parts.append("The criteria above with `(verify: ...)` are run by coworkd; all must pass.")
    if background.thread:
        parts.append("## Messages\n\n" + "\n\n".join(_quoted(said) for said in background.thread))
    if background.reviewed:
        parts.append(_reviewed(background.reviewed))
    if task.loop is not None and background.round:
        parts.append(
            _LOOP_RULES.format(round=background.round, most=task.loop.max_iterations, promise=task.loop.promise)
        )
    if background.failure:
        parts.append(f"## The attempt before this one failed\n\n{background.failure.strip()}")
    if background.conflict:
        parts.append(f"## Your submission collides with what has landed since\n\n{background.conflict.strip()}")
    parts.append(_HOUSE_RULES if agent.driver in _ASK_THEMSELVES else f"{_HOUSE_RULES}\n{_HOW_TO_ASK}")
    return "\n\n".join(part for part in parts if part) + "\n"


def build_follow_up(background: PromptContext, answers: Sequence[AnsweredRequest]) -> str:
    """What an agent is told that goes on with its session, and so knows the rest."""
    parts = [f"## Answered\n\n{answered.question.strip()}\n\n{_answer(answered)}" for answered in answers]
    if background.thread:
        parts.append("## Messages\n\n" + "\n\n".join(_quoted(said) for said in background.thread))
    if background.failure:
        parts.append(f"## It is not done yet\n\n{background.failure.strip()}")
    if background.conflict:
        parts.append(f"## Your submission collides with what has landed since\n\n{background.conflict.strip()}")
    parts.append("Go on with the task from where you were. Look at the files first: they are as you left them.")
    return "\n\n".join(parts) + "\n"


def _answer(answered: AnsweredRequest) -> str:
    word = "" if answered.decision == "reply" else f"**{answered.decision}**"
    return " ".join(part for part in (word, answered.text.strip()) if part)


def _reviewed(change: ReviewedChange) -> str:
    more = f"\n- and {len(change.files) - _MOST_FILES} more" if len(change.files) > _MOST_FILES else ""
    files = "\n".join(f"- {file}" for file in change.files[:_MOST_FILES]) + more
    said = change.summary.strip()[:_MOST_SAID]
    summary = "\n".join(f"> {line}".rstrip() for line in said.split("\n")) if said else ""
    parts = [_REVIEWED.format(attempt=change.attempt), f"It changed:\n\n{files}" if files else ""]
    parts += [f"It was handed in with these words:\n\n{summary}" if summary else ""]
    return "\n\n".join(part for part in parts if part)


_MOST_FILES = 100
_MOST_SAID = 4000

_REVIEWED = """\
## Your earlier change was reviewed

A person has read the change of attempt {attempt} and asks for something else: the messages above say what. Your
worktree begins with that change, merged with what has landed since where the two merge cleanly. Change what is asked
for and leave the rest of it: what is in the worktree at the end is your submission."""


def _quoted(said: ThreadMessage) -> str:
    return f"From {said.sender or 'the user'}:\n\n{said.text.strip()}"


_ASK_THEMSELVES = frozenset({"llm"})
"""Drivers that give their agents a way of their own to ask a person."""

_LOOP_RULES = """\
This is round {round} of at most {most}: each begins with the files as the one before left them. Do what is next, and
leave the rest to later rounds. When all of it is done, and only then, say this, word for word: {promise}
It is verified after that; as long as that fails, there is another round."""

_HOUSE_RULES = """\
---
You work in a worktree of your own; what you leave there, committed or not, is your submission. Leave `.cowork/`
alone."""

_HOW_TO_ASK = """\
To ask a person something, write a Markdown file into the folder $COWORK_OUTBOX with the frontmatter `kind: question`
(or `approval: pending` with `tool:` and `arguments:` to ask for a permission). The answer appears under the same file
name in $COWORK_INBOX; if you cannot wait for it, exit with status 75 and you will be started again with it."""

_PLAN_RULES = """\
You only read and plan here: change no file and run nothing that changes one. Your reply is the plan, in Markdown, under
the headings Problem, Proposed changes, Steps, Risks. A step that is work for an agent of its own can be written as a
block fenced by ```task NAME: the text of a task file (keys such as `title` and `depends_on: [NAME]`, a line `---`, and
what to do). When a person approves the plan, each becomes a draft task."""
