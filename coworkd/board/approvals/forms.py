"""The forms that people answer by editing one word.

Pure. What is executed is never read back from a form: only the answer is.
"""

from __future__ import annotations

from coworkd.core.clock import iso
from coworkd.core.model import Scope
from coworkd.core.terminal_text import visible
from coworkd.core.text_formats import shorten
from coworkd.documents.markdown import Value, compose
from coworkd.store import RequestRow, RequestState

NOTE = "written by coworkd; set approval to approved, rejected or changes, and add a comment: if you like"

MAX_SHOWN = 4000
"""Characters of a value in the header; longer arguments are shown in full in the body, which has no such limit."""


def approval_form(request: RequestRow, why: str = "", terminal: str = "") -> bytes:
    """`approvals/TASK-N.md`: an agent asks for a tool permission.

    `why` says where its risk comes from, `terminal` why the answer belongs on one. What the agent wrote is shown as it
    is: characters that hide or mislead stand there by their numbers.
    """
    arguments, tool = visible(request.arguments), visible(request.tool)
    fields: dict[str, Value] = {"approval": "pending", "scope": str(Scope.ONCE)}
    if request.pattern and request.pattern == _shortened(request.pattern):
        fields["grant"] = request.pattern
    fields["cowork"] = {
        "id": request.id, "rev": "1", "task": request.task, "run": request.run, "kind": "tool",
        "tool": _shortened(tool) or "unnamed", "arguments": _shortened(arguments), "risk": str(request.risk),
        "request": request.id, **({"expires": iso(request.expires)} if request.expires else {}),
        "state": str(RequestState.OPEN),
    }  # fmt: skip
    risk = f"Risk: {request.risk} ({visible(why)})." if why else ""
    parts = [f"**{terminal}**." if terminal else "", f"# {request.task} asks for a permission", risk]
    parts.append(visible(request.text).strip())
    if _shortened(arguments) != arguments:
        parts.append(f"## Arguments\n\n{_indented(arguments)}")
    return compose(fields, "\n\n".join(part for part in parts if part) + "\n", note=NOTE)


def _shortened(text: str) -> str:
    return shorten(text, MAX_SHOWN)


def _indented(text: str) -> str:
    """As a block of code that nothing in it can end."""
    return "\n".join(f"    {line}" for line in text.splitlines())
