"""The forms that people answer by editing one word.

Pure. What is executed is never read back from a form: only the answer is.
"""

from __future__ import annotations

from coworkd.markdown import Value, compose

NOTE = "written by coworkd; set approval to approved, rejected or changes, and add a comment: if you like"


def approval_form(*, task: str, run: str, request: str, tool: str, arguments: str, text: str) -> bytes:
    """`approvals/TASK-N.md`: an agent asks for a tool permission."""
    cowork: dict[str, Value] = {
        "id": request, "rev": "1", "task": task, "run": run, "kind": "tool", "tool": tool or "unnamed",
        "arguments": arguments, "request": request, "state": "open",
    }  # fmt: skip
    fields: dict[str, Value] = {"approval": "pending", "scope": "once", "cowork": cowork}
    body = f"# {task} asks for a permission\n\n{text.strip()}\n"
    return compose(fields, body, note=NOTE)
