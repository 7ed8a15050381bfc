"""Permission requests and questions of Claude Code, read and answered in its protocol. Pure.

It asks twice. Its hook asks before every call: what the rules deny is denied there, and what they ask about is sent on
to the second request, `can_use_tool`, which it makes when that or a rule of its own wants a decision.
"""

from __future__ import annotations

import json

from coworkd.agents.drivers.claude import calls
from coworkd.agents.drivers.claude import messages as claude
from coworkd.agents.json_codec import Json
from coworkd.agents.port import Assignment
from coworkd.agents.protocols.json_access import text_at, value_at
from coworkd.agents.protocols.permission_broker import (
    BrokerReply,
    BrokerRequest,
    CallAllowed,
    CallDenied,
    PermissionRequest,
    QuestionAnswered,
    QuestionRequest,
    RequestCancelled,
)
from coworkd.core.policy.tool_permissions import ToolCall, ToolDecision, ToolPermission

_CANCELLED = "The run ends."
_HOOK_DECISIONS = {
    ToolPermission.ALLOW: claude.HookDecision.PASS,
    ToolPermission.ASK: claude.HookDecision.ASK,
    ToolPermission.DENY: claude.HookDecision.DENY,
}


def parse_request(request_id: str, request: Json, assignment: Assignment) -> BrokerRequest:
    """A `can_use_tool` request. A tool that needs no permission has no calls, and so is allowed."""
    tool, arguments = text_at(request, "tool_name"), value_at(request, "input")
    identity = calls.identifying_arguments(arguments)
    if tool == calls.QUESTION_TOOL:
        text = calls.questions_text(arguments)
        return QuestionRequest(id=request_id, text=text, identity=identity, payload=arguments)
    call = calls.parse_tool_call(tool, arguments, assignment.worktree, assignment.home)
    return PermissionRequest(
        id=request_id,
        calls=(call,) if call else (),
        identity=[tool, identity],
        title=text_at(request, "description"),
        details=_details(call, arguments),
        payload=arguments,
    )


def render_reply(request: BrokerRequest, reply: BrokerReply) -> claude.Message:
    match reply:
        case CallAllowed():
            content = claude.allow(request.payload)
        case CallDenied(explanation=explanation):
            content = claude.deny(explanation)
        case QuestionAnswered(text=text):
            content = claude.answer_questions(request.payload, text)
        case RequestCancelled():
            content = claude.deny(_CANCELLED)
    return claude.control_response(str(request.id), content)


def parse_hook_call(hook: Json, assignment: Assignment) -> ToolCall | None:
    """The call that the hook announces; None: it needs no permission."""
    arguments = value_at(hook, "tool_input")
    return calls.parse_tool_call(text_at(hook, "tool_name"), arguments, assignment.worktree, assignment.home)


def render_hook_decision(request_id: str, decision: ToolDecision | None) -> claude.Message:
    """The answer to the hook. What is allowed here still passes Claude Code's own rules."""
    hook = _HOOK_DECISIONS[decision.decision] if decision else claude.HookDecision.PASS
    return claude.control_response(request_id, claude.hook_decision(hook, decision.reason if decision else ""))


def _details(call: ToolCall | None, arguments: Json) -> str:
    """The arguments that the call's subject does not show."""
    if call is None or not isinstance(arguments, dict):
        return ""
    rest = {key: value for key, value in arguments.items() if key != "description" and value != call.subject}
    return json.dumps(rest, ensure_ascii=False, indent=2) if rest else ""
