"""Which tool call a request of Claude Code is about, and its questions as text. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from coworkd.agents.json_codec import Json
from coworkd.agents.protocols.json_access import items_at, text_at
from coworkd.agents.protocols.tool_calls import host_and_port, relative_path
from coworkd.core.policy.tool_permissions import ToolCall, ToolName

QUESTION_TOOL = "AskUserQuestion"
PLAN_TOOL = "ExitPlanMode"
PLANS_FOLDER = ".claude/plans"
"""Where, in its home, plan mode keeps its plan: the one thing it writes."""

DISALLOWED_TOOLS = (
    "CronCreate", "CronDelete", "CronList", "ScheduleWakeup", "RemoteTrigger", "EnterWorktree", "ExitWorktree",
)  # fmt: skip
"""Tools that outlast a run or leave its worktree: they are taken from it."""

_TOOLS: Mapping[str, tuple[ToolName, tuple[str, ...]]] = {
    "Read": (ToolName.READ, ("file_path",)),
    "NotebookRead": (ToolName.READ, ("notebook_path",)),
    "Glob": (ToolName.READ, ("path", "pattern")),
    "Grep": (ToolName.READ, ("path", "pattern")),
    "LS": (ToolName.READ, ("path",)),
    "Edit": (ToolName.WRITE, ("file_path",)),
    "MultiEdit": (ToolName.WRITE, ("file_path",)),
    "Write": (ToolName.WRITE, ("file_path",)),
    "NotebookEdit": (ToolName.WRITE, ("notebook_path",)),
    "Bash": (ToolName.RUN, ("command",)),
    "PowerShell": (ToolName.RUN, ("command",)),
    "Monitor": (ToolName.RUN, ("command",)),
    "WebFetch": (ToolName.NET, ("url",)),
    "WebSearch": (ToolName.NET, ()),
}
_HARMLESS = frozenset({
    QUESTION_TOOL, PLAN_TOOL, "EnterPlanMode", "Task", "Agent", "TodoWrite", "TaskCreate", "TaskGet", "TaskList",
    "TaskOutput", "TaskStop", "TaskUpdate", "BashOutput", "KillShell", "KillBash", "ReportFindings", "SendMessage",
    "Skill", "SlashCommand", "ToolSearch", "StructuredOutput", "ListMcpResources", "ListMcpResourcesTool",
})  # fmt: skip
"""Tools that do nothing by themselves: what they lead to is asked about by itself."""
_INCIDENTAL_ARGUMENTS = frozenset({"description", "timeout", "run_in_background"})
"""Arguments that do not make it another call."""


def parse_tool_call(tool: str, given: Json, worktree: str, home: str) -> ToolCall | None:
    """The call in the common names; None for one that needs no permission. An unknown tool counts as a server's."""
    if tool in _HARMLESS:
        return None
    if tool.startswith("mcp__"):
        return ToolCall(tool=ToolName.MCP, subject=".".join(tool.removeprefix("mcp__").split("__", 1)))
    name, keys = _TOOLS.get(tool, (ToolName.MCP, ()))
    subject = next((found for key in keys if (found := text_at(given, key))), "")
    if name is ToolName.MCP:
        return ToolCall(tool=name, subject=f"claude.{tool}")
    if (
        name is ToolName.WRITE
        and PurePath(subject).is_relative_to(PurePath(home, PLANS_FOLDER))
        and ".." not in subject
    ):
        return None
    return ToolCall(tool=name, subject=_plain(name, subject, worktree))


def _plain(name: ToolName, subject: str, worktree: str) -> str:
    match name:
        case ToolName.READ | ToolName.WRITE:
            return relative_path(subject, worktree)
        case ToolName.NET:
            return host_and_port(subject)
        case _:
            return subject


def identifying_arguments(given: Json) -> Json:
    """The arguments that make a call what it is."""
    return (
        {key: value for key, value in given.items() if key not in _INCIDENTAL_ARGUMENTS}
        if isinstance(given, dict)
        else given
    )


def call_summary(tool: str, given: Json) -> str:
    """One line that describes a call."""
    _, keys = _TOOLS.get(tool, (ToolName.MCP, ()))
    found = (text_at(given, key) for key in (*keys, "description", "prompt", "query"))
    return next((words.strip().splitlines()[0] for words in found if words.strip()), tool)


def questions_text(given: Json) -> str:
    """Its questions with their choices, as a person reads them."""
    return (
        "\n\n".join(_question_text(question) for question in items_at(given, "questions"))
        or "(the request contains no question)"
    )


def _question_text(question: Json) -> str:
    several = " (several may be chosen)" if isinstance(question, dict) and question.get("multiSelect") is True else ""
    choices = [_choice(option) for option in items_at(question, "options")]
    return "\n".join([text_at(question, "question") + several, *([""] if choices else []), *choices])


def _choice(option: Json) -> str:
    described = text_at(option, "description")
    return f"- {text_at(option, 'label')}" + (f": {described}" if described else "")
