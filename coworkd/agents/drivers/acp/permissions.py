"""Requests for permission in the Agent Client Protocol, read and answered. Pure."""

from __future__ import annotations

from coworkd.agents.drivers.acp import messages as acp
from coworkd.agents.drivers.acp.calls import parse_tool_call
from coworkd.agents.drivers.acp.messages import OptionKind
from coworkd.agents.json_codec import Json
from coworkd.agents.protocols.json_access import text_at, value_at
from coworkd.agents.protocols.json_rpc import result
from coworkd.agents.protocols.jsonl_channel import Message
from coworkd.agents.protocols.permission_broker import (
    BrokerReply,
    BrokerRequest,
    CallAllowed,
    CallDenied,
    PermissionRequest,
)

_ALLOW = (OptionKind.ALLOW_ONCE, OptionKind.ALLOW_ALWAYS)
_REJECT = (OptionKind.REJECT_ONCE, OptionKind.REJECT_ALWAYS)


def parse_request(request_id: Json, params: Json, worktree: str) -> PermissionRequest:
    tool = value_at(params, "toolCall")
    call = parse_tool_call(tool, worktree)
    return PermissionRequest(
        id=request_id,
        calls=(call,),
        identity=[str(call), value_at(tool, "rawInput")],
        title=text_at(tool, "title"),
        payload=params,
    )


def render_reply(request: BrokerRequest, reply: BrokerReply) -> Message:
    """An option is chosen by its kind, never by its name; without one of the right kind the request is cancelled."""
    match reply:
        case CallAllowed():
            option = acp.find_option(request.payload, _ALLOW)
        case CallDenied():
            option = acp.find_option(request.payload, _REJECT)
        case _:
            option = ""
    return result(request.id, acp.select_option(option) if option else acp.cancel_permission())
