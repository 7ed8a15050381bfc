"""Tool calls in the common names, whatever program makes them. Pure."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from coworkd.agents.port import Assignment
from coworkd.core.policy.tool_permissions import ToolCall, ToolContext

_SHOWN = 4000
_PORTS = {"http": 80, "https": 443}


def relative_path(path: str, worktree: str) -> str:
    """A path relative to the worktree, where it is in there."""
    if not path:
        return ""
    relative = os.path.relpath(os.path.join(worktree, path), worktree)
    return path if relative == ".." or relative.startswith("../") else relative


def host_and_port(url: str) -> str:
    """The host and port of a URL; the URL itself where it names none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return url
    return f"{parts.hostname}:{port}" if parts.hostname and port else url


def call_context(assignment: Assignment, *, requested: bool) -> ToolContext:
    """What counts for the calls of a run beside its agent's rules."""
    return ToolContext(
        mode=assignment.mode,
        ask_all=assignment.ask_tools,
        confined=assignment.confinement is not None,
        granted=assignment.granted,
        requested=requested,
    )


def permission_text(call: ToolCall, title: str, details: str, reason: str) -> str:
    """The text of a permission request; `details` is what the call's subject does not show."""
    what = f" ({title})" if title and title != call.subject else ""
    parts = [f"The agent wants to {call.tool}{what}:", _block(call.subject or "(nothing more is said)")]
    if details:
        parts += ["With:", _block(details)]
    return "\n\n".join([*parts, f"It is asked about because {reason}."])


def _block(words: str) -> str:
    shown = words if len(words) <= _SHOWN else f"{words[:_SHOWN]}\n[... {len(words) - _SHOWN} characters more]"
    return "\n".join(f"    {line}" for line in shown.splitlines())
