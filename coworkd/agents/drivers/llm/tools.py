"""The tools that a model is offered: their names and parameters, and what a call of one means.

Pure. Eight tools; whatever else an agent may need is a command.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from coworkd.agents.drivers.llm.transcript import RequestedCall
from coworkd.agents.drivers.llm.worktree_files import ToolError
from coworkd.agents.json_codec import Json
from coworkd.core.model import Mode
from coworkd.core.policy.tool_permissions import ToolCall, ToolName


class Tool(StrEnum):
    READ = "read"
    LIST = "list"
    SEARCH = "search"
    EDIT = "edit"
    WRITE = "write"
    RUN = "run"
    ASK = "ask"
    FINISH = "finish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    description: str
    kind: type[str | int] = str
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolShape:
    description: str
    parameters: Mapping[str, Parameter]
    rule: ToolName | None
    """The common name that rules use; None: it needs no permission."""


_PATH = Parameter(description="Path of a file")
_FOLDER = Parameter(description="Path of a folder; `.` is the worktree", required=False)

SHAPES: Mapping[Tool, ToolShape] = {
    Tool.READ: ToolShape(
        description="Read a text file, or some lines of it.",
        parameters={
            "path": _PATH,
            "first": Parameter(description="First line, from 1", kind=int, required=False),
            "lines": Parameter(description="How many lines", kind=int, required=False),
        },
        rule=ToolName.READ,
    ),
    Tool.LIST: ToolShape(description="List a folder.", parameters={"path": _FOLDER}, rule=ToolName.READ),
    Tool.SEARCH: ToolShape(
        description="Find the lines that match an extended regular expression, in the files that git does not ignore.",
        parameters={"pattern": Parameter(description="The expression"), "path": _FOLDER},
        rule=ToolName.READ,
    ),
    Tool.EDIT: ToolShape(
        description="Replace the one place in a file that reads `old`, whitespace included.",
        parameters={
            "path": _PATH,
            "old": Parameter(description="What is there"),
            "new": Parameter(description="What is to be there"),
        },
        rule=ToolName.WRITE,
    ),
    Tool.WRITE: ToolShape(
        description="Write a whole file, new or not.",
        parameters={"path": _PATH, "text": Parameter(description="All of its text")},
        rule=ToolName.WRITE,
    ),
    Tool.RUN: ToolShape(
        description="Run a command line with bash in the worktree and see its output. What it leaves running is ended.",
        parameters={
            "command": Parameter(description="The command line"),
            "timeout": Parameter(description="Seconds, 300 if not given", kind=int, required=False),
        },
        rule=ToolName.RUN,
    ),
    Tool.ASK: ToolShape(
        description="Ask the person you work for, and wait for the answer. Only for what you cannot find out yourself.",
        parameters={"question": Parameter(description="The question, with what one needs to know to answer it")},
        rule=None,
    ),
    Tool.FINISH: ToolShape(
        description="Say that the work is done, or that it cannot be done. Call it alone, and last.",
        parameters={"summary": Parameter(description="What was done and what was not, for the person who reviews it")},
        rule=None,
    ),
}

_CHANGING = frozenset({Tool.EDIT, Tool.WRITE, Tool.RUN})


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """A call that can be meant: a known tool and checked arguments."""

    call: str
    tool: Tool
    arguments: Mapping[str, str | int]

    def text(self, name: str, default: str = "") -> str:
        return str(self.arguments.get(name, default))

    def number(self, name: str, default: int) -> int:
        return int(self.arguments.get(name, default))

    @property
    def changes(self) -> bool:
        """Whether doing it twice may differ from doing it once."""
        return self.tool in _CHANGING

    @property
    def subject(self) -> str:
        """What it is about, in a line."""
        first = next(iter(SHAPES[self.tool].parameters))
        return self.text(first, ".")

    @property
    def canonical(self) -> str:
        """The arguments in the one form that approvals and hashes know."""
        return json.dumps(dict(self.arguments), sort_keys=True, ensure_ascii=False)

    def request_name(self, before: int) -> str:
        """The name under which this call, or question, is put to a person; the same after a restart.

        `before`: how often exactly this was answered earlier in the session.
        """
        digest = hashlib.sha256(f"{self.tool}\0{self.canonical}\0{before}".encode()).hexdigest()
        return f"{self.tool}-{digest[:16]}.md"


def schemas(mode: Mode) -> list[Json]:
    """The tools as models are told of them."""
    offered = [tool for tool in Tool if not (mode.reads_only and tool in _CHANGING)]
    return [_schema(tool, SHAPES[tool]) for tool in offered]


def parse_call(call: RequestedCall) -> ToolUse:
    """What a call means. Raises ToolError for what cannot be meant."""
    if call.tool not in set(Tool):
        raise ToolError(f"there is no tool {call.tool!r}; there are {', '.join(Tool)}")
    tool = Tool(call.tool)
    try:
        given: Json = json.loads(call.arguments or "{}")
    except ValueError as error:
        raise ToolError(f"the arguments are not JSON ({error})") from None
    if not isinstance(given, dict):
        raise ToolError("the arguments are not an object")
    return ToolUse(call=call.id, tool=tool, arguments=_checked(tool, given))


def permission_subject(use: ToolUse, path: str) -> ToolCall | None:
    """The call in the common names; None: it needs no permission. `path`: of what it reads or writes."""
    name = SHAPES[use.tool].rule
    if name is None:
        return None
    return ToolCall(tool=name, subject=use.text("command") if use.tool is Tool.RUN else path)


def _checked(tool: Tool, given: dict[str, Json]) -> dict[str, str | int]:
    checked: dict[str, str | int] = {}
    for name, parameter in SHAPES[tool].parameters.items():
        value = given.get(name)
        if value is None:
            if parameter.required:
                raise ToolError(f"`{tool}` needs `{name}`")
        elif isinstance(value, str | int) and type(value) is parameter.kind:
            checked[name] = value
        else:
            raise ToolError(f"`{name}` of `{tool}` is to be {'text' if parameter.kind is str else 'a whole number'}")
    if unknown := given.keys() - SHAPES[tool].parameters.keys():
        raise ToolError(f"`{tool}` does not know {', '.join(sorted(unknown))}")
    return checked


def _schema(tool: Tool, shape: ToolShape) -> Json:
    properties: dict[str, Json] = {
        name: {"type": "string" if parameter.kind is str else "integer", "description": parameter.description}
        for name, parameter in shape.parameters.items()
    }
    required: list[Json] = [name for name, parameter in shape.parameters.items() if parameter.required]
    parameters: Json = {"type": "object", "properties": properties, "required": required}
    return {
        "type": "function",
        "function": {"name": tool.value, "description": shape.description, "parameters": parameters},
    }
