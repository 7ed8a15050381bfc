"""Where an approval has to be given: in the file, by command, or on a terminal."""

from __future__ import annotations

from coworkd.board.approvals.decision import ApprovalRequirement
from coworkd.board.approvals.terminal_required import file_name, terminal_reason
from coworkd.core.model import ApproveBy, RiskLevel
from coworkd.store import Database, RequestRow
from coworkd.sync.effective_specs import EffectiveSpecs


def requirement(
    db: Database, specs: EffectiveSpecs, request: RequestRow, risk: RiskLevel, why: str
) -> ApprovalRequirement:
    """Where an approval of this request has to be given."""
    return ApprovalRequirement(
        terminal_reason=terminal_reason(db, request, risk, why), command_reason=command_reason(specs, request.path)
    )


def command_reason(specs: EffectiveSpecs, path: str) -> str:
    """Why an approval in this file has to be given by command; empty when the user's settings leave it to the file."""
    if specs.approve_by is not ApproveBy.COMMAND:
        return ""
    return (
        f"your own settings have `approve_by: command`: answer with `coworkd approve {file_name(path)}`, or reject it"
    )
