"""The review of several proposals: how it came that a person decides, and the key by which one of them is taken.

Pure.
"""

from __future__ import annotations

from coworkd.board.pattern_verdicts import PatternReport, decision_text, verdict_fields
from coworkd.core.terminal_text import visible
from coworkd.documents.markdown import Value, compose

NOTE = "written by coworkd; set choose to a letter, or approval to rejected or changes"


def compose_choice(report: PatternReport, *, task: str, title: str, attempt: int, request: str) -> bytes:
    """`reviews/TASK.md` of an attempt that a person decides about."""
    cowork: dict[str, Value] = {
        "rev": "1", "task": task, "attempt": str(attempt), "request": request, "verdict": dict(verdict_fields(report)),
    }  # fmt: skip
    fields: dict[str, Value] = {"approval": "pending", "choose": "", "status": "open", "cowork": cowork}
    offered = [one.letter for one in report.proposals if one.letter]
    how = f"Write `choose: {offered[0]}`, or another letter of the table, or" if offered else "Nothing can be chosen:"
    body = "\n\n".join(
        (
            f"**You decide.** {how} `approval: rejected`, or `approval: changes` with a `comment` for another attempt.",
            f"# {visible(title)}",
            decision_text(report),
        )
    )
    return compose(fields, f"{body}\n", note=NOTE)
