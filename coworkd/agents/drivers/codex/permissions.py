"""Approvals and questions of Codex, read and answered in its protocol. Pure."""

from __future__ import annotations

from coworkd.agents.drivers.codex import calls
from coworkd.agents.drivers.codex import messages as codex
from coworkd.agents.json_codec import Json
from coworkd.agents.protocols.json_access import items_at, text_at
from coworkd.agents.protocols.json_rpc import result
from coworkd.agents.protocols.jsonl_channel import Message
from coworkd.agents.protocols.permission_broker import (
    BrokerReply,
    BrokerRequest,
    CallAllowed,
    PermissionRequest,
    QuestionAnswered,
    QuestionRequest,
)


def parse_command_request(request_id: Json, params: Json) -> PermissionRequest:
    """It asks whether it may run a command, or reach a host."""
    call, reason = calls.command_call(params), text_at(params, "reason")
    return PermissionRequest(id=request_id, calls=(call,), identity=[str(call), reason], details=reason)


def parse_change_request(request_id: Json, params: Json, item: Json, worktree: str) -> PermissionRequest:
    """It asks whether it may change files; `item` says which. Those of its worktree are its own."""
    changes = calls.change_calls(item, worktree)
    details = "\n".join(filter(None, (text_at(params, "reason"), calls.diffs_text(item))))
    return PermissionRequest(
        id=request_id,
        calls=tuple(call for call in changes if not calls.is_in_worktree(call)),
        routine_calls=tuple(call for call in changes if calls.is_in_worktree(call)),
        identity=[*(str(call) for call in changes), details],
        details=details,
    )


def parse_question(request_id: Json, params: Json) -> QuestionRequest:
    questions: Json = list(items_at(params, "questions"))
    return QuestionRequest(id=request_id, text=calls.questions_text(params), identity=questions, payload=questions)


def render_reply(request: BrokerRequest, reply: BrokerReply) -> Message:
    if isinstance(reply, QuestionAnswered):
        return result(request.id, codex.answers(items_at(request.payload), reply.text))
    return result(request.id, codex.decision(allowed=isinstance(reply, CallAllowed)))
