"""Which tool calls an approval of Codex is about, and its questions in words. Pure."""

from __future__ import annotations

import shlex
from pathlib import PurePath

from coworkd.agents.json_codec import Json
from coworkd.agents.protocols.json_access import items, part, text
from coworkd.agents.protocols.tool_calls import inside
from coworkd.core.policy.tool_permissions import ToolCall, ToolName

_SHELLS = frozenset({"sh", "bash", "zsh", "dash"})


def command(line: str) -> str:
    """The command line without the shell that it is wrapped in."""
    try:
        words = shlex.split(line)
    except ValueError:
        return line
    wrapped = len(words) == 3 and PurePath(words[0]).name in _SHELLS and words[1] in ("-c", "-lc")
    return words[2] if wrapped else line


def to_run(asked: Json) -> ToolCall:
    """The call that a request to run something, or to reach some place, is about."""
    if host := text(asked, "networkApprovalContext", "host"):
        return ToolCall(tool=ToolName.NET, subject=host)
    return ToolCall(tool=ToolName.RUN, subject=command(text(asked, "command")))


def to_change(item: Json, worktree: str) -> tuple[ToolCall, ...]:
    """The calls that a change of files comes to; one without a path where it does not say."""
    paths = [text(change, "path") for change in items(item, "changes")]
    found = tuple(ToolCall(tool=ToolName.WRITE, subject=inside(path, worktree)) for path in paths)
    return found or (ToolCall(tool=ToolName.WRITE),)


def is_inside(call: ToolCall) -> bool:
    """Whether a change stays in the worktree."""
    return bool(call.subject) and not call.subject.startswith(("/", "../")) and call.subject != ".."


def diffs(item: Json) -> str:
    """The changes as a person reads them."""
    return "\n".join(f"{text(change, 'path')}\n{text(change, 'diff')}" for change in items(item, "changes"))


def question(asked: Json) -> str:
    return "\n\n".join(_one(one) for one in items(asked, "questions")) or "(it asks nothing)"


def _one(one: Json) -> str:
    choices = [f"- {text(option, 'label')}: {text(option, 'description')}" for option in items(one, "options")]
    return "\n".join([text(one, "question"), *([""] if choices else []), *choices])


def tool(item: Json) -> tuple[str, str] | None:
    """The name and the subject of a tool that is at work; None for an item that is none."""
    match text(item, "type"):
        case "commandExecution":
            return "run", command(text(item, "command"))
        case "fileChange":
            return "write", ", ".join(text(change, "path") for change in items(item, "changes"))
        case "mcpToolCall":
            return "mcp", f"{text(item, 'server')}.{text(item, 'tool')}"
        case "webSearch":
            return "net", text(item, "query")
        case _:
            return None


def went_well(item: Json) -> bool:
    return text(item, "status") in ("completed", "") and part(item, "exitCode") in (0, None)
