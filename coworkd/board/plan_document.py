"""The plan that an agent wrote, as a file: what to do, and the line by which a person agrees.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.terminal_text import plain_text
from coworkd.documents.markdown import Value, compose

NOTE = "written by coworkd; edit it as you like, then set approval to approved, rejected or changes"
NO_APPROVAL_NOTE = "written by coworkd; no approval was required: `approve` is empty"


def plan_path(task: str) -> str:
    """Where the plan of a task stands."""
    return f"plans/{task}.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanText:
    """A plan as its agent wrote it."""

    task: str
    title: str
    run: str
    agent: str
    text: str
    request: str
    """What a person's answer is bound to; empty: no approval is requested."""


def compose_plan(plan: PlanText) -> bytes:
    """`plans/TASK.md`: the reply of a run in plan mode."""
    cowork: dict[str, Value] = {
        "id": plan.task, "rev": "1", "task": plan.task, "run": plan.run, "agent": plan.agent, "kind": "plan",
    }  # fmt: skip
    cowork |= {"request": plan.request} if plan.request else {}
    fields: dict[str, Value] = {"title": plan.title, "level": "plan"}
    fields |= {"approval": "pending"} if plan.request else {}
    fields["cowork"] = cowork
    body = plain_text(plan.text).strip() or "(The agent wrote nothing.)"
    return compose(fields, f"{body}\n", note=NOTE if plan.request else NO_APPROVAL_NOTE)
