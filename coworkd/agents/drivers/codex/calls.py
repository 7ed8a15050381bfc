"""The tool calls that Codex asks about or reports as items, and its changes and questions as text. Pure."""

from __future__ import annotations

import shlex
from pathlib import PurePath

from coworkd.agents.json_codec import Json
from coworkd.agents.protocols.json_access import items_at, text_at, value_at
from coworkd.agents.protocols.tool_calls import relative_path
from coworkd.core.policy.tool_permissions import ToolCall, ToolName

_SHELLS = frozenset({"sh", "bash", "zsh", "dash"})


def unwrap_shell(line: str) -> str:
    """The command line without the `bash -lc` or the like around it."""
    try:
        words = shlex.split(line)
    except ValueError:
        return line
    wrapped = len(words) == 3 and PurePath(words[0]).name in _SHELLS and words[1] in ("-c", "-lc")
    return words[2] if wrapped else line


def command_call(request: Json) -> ToolCall:
    """The call that a request to run a command, or to connect to a host, is about."""
    if host := text_at(request, "networkApprovalContext", "host"):
        return ToolCall(tool=ToolName.NET, subject=host)
    return ToolCall(tool=ToolName.RUN, subject=unwrap_shell(text_at(request, "command")))


def change_calls(item: Json, worktree: str) -> tuple[ToolCall, ...]:
    """A call for each file that an item changes; a single call without a path if the item names no file."""
    paths = [text_at(change, "path") for change in items_at(item, "changes")]
    found = tuple(ToolCall(tool=ToolName.WRITE, subject=relative_path(path, worktree)) for path in paths)
    return found or (ToolCall(tool=ToolName.WRITE),)


def is_in_worktree(call: ToolCall) -> bool:
    """Whether a call names a path in the worktree."""
    return bool(call.subject) and not call.subject.startswith(("/", "../")) and call.subject != ".."


def diffs_text(item: Json) -> str:
    """The changes of an item, for a person to read: each path with its diff."""
    return "\n".join(f"{text_at(change, 'path')}\n{text_at(change, 'diff')}" for change in items_at(item, "changes"))


def questions_text(request: Json) -> str:
    """The questions of a request with their options, for a person to read."""
    return (
        "\n\n".join(_question_text(question) for question in items_at(request, "questions"))
        or "(the request contains no question)"
    )


def _question_text(question: Json) -> str:
    options = items_at(question, "options")
    choices = [f"- {text_at(option, 'label')}: {text_at(option, 'description')}" for option in options]
    return "\n".join([text_at(question, "question"), *([""] if choices else []), *choices])


def tool_of_item(item: Json) -> tuple[str, str] | None:
    """The tool that an item reports, and what it was used on; None for an item that is no tool call."""
    match text_at(item, "type"):
        case "commandExecution":
            return "run", unwrap_shell(text_at(item, "command"))
        case "fileChange":
            return "write", ", ".join(text_at(change, "path") for change in items_at(item, "changes"))
        case "mcpToolCall":
            return "mcp", f"{text_at(item, 'server')}.{text_at(item, 'tool')}"
        case "webSearch":
            return "net", text_at(item, "query")
        case _:
            return None


def succeeded(item: Json) -> bool:
    """Whether a tool call has ended without an error. An item without a status or an exit code has none."""
    return text_at(item, "status") in ("completed", "") and value_at(item, "exitCode") in (0, None)
