"""Requests as agents make them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coworkd.store import RequestKind, RequestRow, RequestState

_PLAIN = RequestRow(
    id="q1", task="a", run="r1", kind=RequestKind.TOOL, name="p.md", path="approvals/a-1.md", state=RequestState.OPEN,
    answer="", comment="", text="May I?", created=1.0, number=0, tool="run", arguments="npm install left-pad",
    pattern="run(npm install *)",
)  # fmt: skip


def tool_request(**changes: Any) -> RequestRow:
    """A permission that an agent asks for."""
    return replace(_PLAIN, **changes)
