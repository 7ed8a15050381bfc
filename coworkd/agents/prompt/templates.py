"""What coworkd itself says to agents: one Markdown file per kind of text, beside this module."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib.resources import files


class Template(StrEnum):
    """The kinds of text, by the names of their files. `{name}` in a file is a placeholder."""

    # The prompt of a task
    PLAN_MODE = "plan-mode"
    ANSWER_MODE = "answer-mode"
    CRITERIA = "criteria"
    MESSAGES = "messages"
    MESSAGE = "message"
    STACKED = "stacked"
    REVIEWED_CHANGE = "reviewed-change"
    REVIEWED_FILES = "reviewed-files"
    REVIEWED_SUMMARY = "reviewed-summary"
    LOOP_ROUND = "loop-round"
    LOOP_GIVE_UP = "loop-give-up"
    NO_ONE_HERE = "no-one-here"
    NO_ONE_HERE_TO_ALLOW = "no-one-here-to-allow"
    LOOP_LEARNINGS = "loop-learnings"
    LOOP_EARLIER_ROUND = "loop-earlier-round"
    LOOP_EARLIER_REPLY = "loop-earlier-reply"
    FAILED_ATTEMPT = "failed-attempt"
    UNFINISHED = "unfinished"
    CONFLICT = "conflict"
    CONFLICT_FILES = "conflict-files"
    CONFLICT_RED = "conflict-red"
    CONFLICT_ALLOWED = "conflict-allowed"
    CONFLICT_LANDED = "conflict-landed"
    CONFLICT_LANDED_REPLY = "conflict-landed-reply"
    CONFLICT_MORE_LANDED = "conflict-more-landed"
    CONFLICT_COMMITS = "conflict-commits"
    CONFLICT_OWN_REPLY = "conflict-own-reply"
    WORKTREE = "worktree"
    # A step of a pattern
    STEP = "step"
    STEP_READS = "step-reads"
    STEP_MAY_ADD = "step-may-add"
    STEP_SHOWN = "step-shown"
    STEP_DIFF = "step-diff"
    STEP_FINDINGS = "step-findings"
    STEP_BLOCK = "step-block"
    STEP_ASK_AGAIN = "step-ask-again"
    # What each role is to do
    ROLE_AUTHOR = "role-author"
    ROLE_DEBATER = "role-debater"
    ROLE_PROPOSER = "role-proposer"
    ROLE_CRITIC = "role-critic"
    ROLE_SYNTHESISER = "role-synthesiser"
    ROLE_SPECIALIST = "role-specialist"
    ROLE_BUILDER = "role-builder"
    ROLE_ATTACKER = "role-attacker"
    ROLE_MANAGER = "role-manager"
    ROLE_ASSEMBLER = "role-assembler"
    ROLE_GATE = "role-gate"
    ROLE_VALIDATOR = "role-validator"
    ROLE_JUROR = "role-juror"
    ROLE_ARBITER = "role-arbiter"
    ROLE_CONSOLIDATOR = "role-consolidator"
    ROLE_JUDGE = "role-judge"
    OUTBOX = "outbox"
    ANSWERED_REQUEST = "answered-request"
    RESUMED = "resumed"
    # What a program is told while it works
    OUTBOX_ANSWER = "outbox-answer"
    CALL_DENIED = "call-denied"
    CALL_REFUSED = "call-refused"
    PLAN_ACCEPTED = "plan-accepted"
    # What a model behind an API is told
    MODEL_SYSTEM = "model-system"
    MODEL_SUMMARY = "model-summary"
    MODEL_AFTER_SUMMARY = "model-after-summary"
    MODEL_INTERRUPTED = "model-interrupted"
    MODEL_EMPTY_REPLY = "model-empty-reply"
    MODEL_CUT_REPLY = "model-cut-reply"
    MODEL_INTERRUPTED_CALL = "model-interrupted-call"
    MODEL_REFUSED_CALL = "model-refused-call"


def render(template: Template, **values: object) -> str:
    """The text with its placeholders filled in. What is filled in is passed on word for word."""
    return _text(template).format(**values)


@cache
def _text(template: Template) -> str:
    return (files("coworkd.agents.prompt") / f"{template}.md").read_text(encoding="utf-8").removesuffix("\n")
