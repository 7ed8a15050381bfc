"""Which tool call a request for permission is about. Pure."""

from __future__ import annotations

from coworkd.agents.json_codec import Json
from coworkd.agents.protocols.json_access import items_at, text_at, value_at
from coworkd.agents.protocols.tool_calls import host_and_port, relative_path
from coworkd.core.policy.tool_permissions import ToolCall, ToolName

_TOOLS = {
    "read": ToolName.READ,
    "search": ToolName.READ,
    "think": ToolName.READ,
    "switch_mode": ToolName.READ,
    "edit": ToolName.WRITE,
    "delete": ToolName.WRITE,
    "move": ToolName.WRITE,
    "execute": ToolName.RUN,
    "fetch": ToolName.NET,
}
"""The protocol's kinds of tools in the common names; any other counts as `mcp`, a tool of a server."""
_COMMAND_KEYS = ("command", "cmd")
_PATH_KEYS = ("file_path", "filePath", "path", "absolute_path")
_URL_KEYS = ("url", "uri")


def parse_tool_call(tool: Json, worktree: str) -> ToolCall:
    """The call that `toolCall` describes."""
    name = _TOOLS.get(text_at(tool, "kind"), ToolName.MCP)
    given = value_at(tool, "rawInput")
    subject = ""
    match name:
        case ToolName.RUN:
            subject = _command(given)
        case ToolName.READ | ToolName.WRITE:
            subject = relative_path(_first(given, _PATH_KEYS) or _location(tool), worktree)
        case ToolName.NET:
            subject = host_and_port(_first(given, _URL_KEYS))
        case ToolName.MCP:
            pass
    return ToolCall(tool=name, subject=subject or text_at(tool, "title"))


def _first(given: Json, keys: tuple[str, ...]) -> str:
    return next((found for key in keys if (found := text_at(given, key))), "")


def _command(given: Json) -> str:
    words = next((found for key in _COMMAND_KEYS if (found := items_at(given, key))), ())
    return " ".join(word for word in words if isinstance(word, str)) or _first(given, _COMMAND_KEYS)


def _location(tool: Json) -> str:
    return next((path for place in items_at(tool, "locations") if (path := text_at(place, "path"))), "")
