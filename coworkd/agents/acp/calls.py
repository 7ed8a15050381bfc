"""Which tool call a request for permission is about. Pure."""

from __future__ import annotations

import hashlib
import os
from urllib.parse import urlsplit

from coworkd.agents.acp.messages import items, part, text
from coworkd.agents.wire import Json
from coworkd.toolrules import ToolCall, ToolName

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
"""The protocol's kinds of tools in the common names; any other is somebody's server, and counts as `mcp`."""
_COMMAND_KEYS = ("command", "cmd")
_PATH_KEYS = ("file_path", "filePath", "path", "absolute_path")
_URL_KEYS = ("url", "uri")


def call_of(tool: Json, worktree: str) -> ToolCall:
    """The call that `toolCall` describes."""
    name = _TOOLS.get(text(tool, "kind"), ToolName.MCP)
    given = part(tool, "rawInput")
    subject = ""
    match name:
        case ToolName.RUN:
            subject = _command(given)
        case ToolName.READ | ToolName.WRITE:
            subject = _inside(_first(given, _PATH_KEYS) or _location(tool), worktree)
        case ToolName.NET:
            subject = _host(_first(given, _URL_KEYS))
        case ToolName.MCP:
            pass
    return ToolCall(tool=name, subject=subject or text(tool, "title"))


def request_name(call: ToolCall) -> str:
    """The name of the request about a call: the same call has the same one, also in a later start of the run."""
    return f"permit-{hashlib.sha256(str(call).encode(errors='replace')).hexdigest()[:16]}.md"


def petition(call: ToolCall, title: str, reason: str) -> str:
    """The request in words."""
    shown = "\n".join(f"    {line}" for line in call.subject[:4000].splitlines()) or "    (nothing more is said)"
    what = f" ({title})" if title and title != call.subject else ""
    return f"The agent wants to {call.tool}{what}:\n\n{shown}\n\nIt is asked about because {reason}."


def _first(given: Json, keys: tuple[str, ...]) -> str:
    return next((found for key in keys if (found := text(given, key))), "")


def _command(given: Json) -> str:
    words = next((found for key in _COMMAND_KEYS if (found := items(given, key))), ())
    return " ".join(word for word in words if isinstance(word, str)) or _first(given, _COMMAND_KEYS)


def _location(tool: Json) -> str:
    return next((path for place in items(tool, "locations") if (path := text(place, "path"))), "")


def _inside(path: str, worktree: str) -> str:
    """Relative to the worktree, where it is in there."""
    if not path:
        return ""
    relative = os.path.relpath(os.path.join(worktree, path), worktree)
    return path if relative.startswith("..") else relative


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        return url
    return f"{parts.hostname}:{port}" if parts.hostname and port else url
