"""Whether an agent could have written a person's answer itself, and what is asked of the person then."""

from __future__ import annotations

from coworkd.core.model import RiskLevel
from coworkd.core.policy.tool_risk import GRAVE
from coworkd.store import Database, RequestRow
from coworkd.store.runs import ran_unsandboxed


def terminal_reason(db: Database, request: RequestRow, risk: RiskLevel, why: str) -> str:
    """Why this request has to be approved on a terminal; empty when an answer in its file is enough."""
    if risk not in GRAVE or not ran_unsandboxed(db, request.run, request.created):
        return ""
    return (
        f"{risk} risk ({why}), and no sandbox kept agents from writing here: answer with"
        f" `coworkd approve {file_name(request.path)}` on a terminal, or reject it"
    )


def file_name(path: str) -> str:
    """By which a command names a form or a review."""
    return path.rpartition("/")[2].removesuffix(".md")
