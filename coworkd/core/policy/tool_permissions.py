"""Whether an agent's tool call is allowed, asked about or denied.

Pure. Calls and patterns share one grammar: `read`, `write`, `run`, `net` or `mcp` alone means every call of that kind,
`run(npm test *)` those whose subject matches. The order of the rules is the order of safety: what is denied stays
denied even if another rule allows it, and what no rule matches follows from where the agent runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from coworkd.core.model import Mode, ToolRules


class ToolName(StrEnum):
    """The common names of what agents do, whatever each of them calls it."""

    READ = "read"
    WRITE = "write"
    RUN = "run"
    NET = "net"
    MCP = "mcp"


LOCAL = frozenset({ToolName.READ, ToolName.WRITE, ToolName.RUN})
"""What a sandbox confines by itself."""
CHANGING = frozenset({ToolName.WRITE, ToolName.RUN, ToolName.NET, ToolName.MCP})
"""What plan mode, which only reads, never does."""

_PATTERN = re.compile(r"\s*(?P<tool>[a-z]+)\s*(?:\((?P<subject>.*)\))?\s*", re.DOTALL)
_SHELL = re.compile(r"[;&|<>`$\n\\(){}]")
"""With one of these a command line may be more than one command."""
_SEPARATOR = re.compile(r"&&|\|\||[;&|\n]")
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call: `subject` is a path relative to the worktree, a command line, a host, or `SERVER.TOOL`."""

    tool: ToolName
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.tool}({self.subject})" if self.subject else str(self.tool)


class ToolPermission(StrEnum):
    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDecision:
    """What becomes of a call, and why in words."""

    decision: ToolPermission
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """What counts beside the agent's own rules."""

    mode: Mode = Mode.BUILD
    ask_all: bool = False
    """The task's `approve` has `tools`."""
    confined: bool = False
    """A sandbox confines the agent: calls that are local to it need no approval."""
    granted: tuple[str, ...] = ()
    """Patterns that people have allowed before."""
    requested: bool = False
    """The agent itself asks for permission to make this call."""


def decide_tool_call(call: ToolCall, rules: ToolRules, context: ToolContext) -> ToolDecision:
    """Rule on a call."""
    if found := _first_match(rules.deny, call, lenient=True):
        return ToolDecision(decision=ToolPermission.DENY, reason=f"the agent's `deny` has `{found}`")
    if context.mode.reads_only and call.tool in CHANGING:
        return ToolDecision(
            decision=ToolPermission.DENY, reason=f"`mode: {context.mode}` only reads; `{call.tool}` is not available"
        )
    if found := _first_match(context.granted, call):
        return ToolDecision(decision=ToolPermission.ALLOW, reason=f"granted: `{found}`")
    if found := _first_match(rules.ask, call, lenient=True):
        return ToolDecision(decision=ToolPermission.ASK, reason=f"the agent's `ask` has `{found}`")
    if found := _first_match(rules.allow, call):
        return ToolDecision(decision=ToolPermission.ALLOW, reason=f"the agent's `allow` has `{found}`")
    if context.ask_all and call.tool in CHANGING:
        return ToolDecision(
            decision=ToolPermission.ASK, reason="`approve` has `tools`, and the agent's `allow` does not cover it"
        )
    if context.requested and not (context.confined and call.tool in LOCAL):
        return ToolDecision(decision=ToolPermission.ASK, reason="the agent asks before it does this")
    return ToolDecision(decision=ToolPermission.ALLOW, reason="nothing asks about it")


def matches(pattern: str, call: ToolCall, *, lenient: bool = False) -> bool:
    """Whether a pattern covers a call.

    A wild card in a `run` pattern never covers a line that may be more than one command: a grant for `npm test *` is
    none for `npm test; rm -r /`. With `lenient`, for rules that hold back, one command of a line is enough.
    """
    found = _PATTERN.fullmatch(pattern)
    if found is None or found["tool"] != call.tool:
        return False
    wanted = found["subject"]
    if wanted is None or wanted.strip() in ("", "*"):
        return True
    if call.tool is not ToolName.RUN:
        return fnmatchcase(call.subject, wanted.strip())
    return _covers_command_line(wanted.strip(), call.subject.strip(), lenient=lenient)


def _covers_command_line(wanted: str, line: str, *, lenient: bool) -> bool:
    if wanted == line:
        return True
    if lenient:
        return any(fnmatchcase(part.strip(), _open_ended(wanted)) for part in (line, *_SEPARATOR.split(line)))
    if not _WILD.search(wanted) or _SHELL.search(line):
        return False
    return fnmatchcase(line, wanted) or line == wanted.removesuffix(" *")


def _open_ended(wanted: str) -> str:
    return wanted.removesuffix(" *") + "*" if wanted.endswith(" *") else wanted


def _first_match(patterns: Iterable[str], call: ToolCall, *, lenient: bool = False) -> str:
    return next((pattern for pattern in patterns if matches(pattern, call, lenient=lenient)), "")


def is_pattern(text: str) -> bool:
    """Whether a text can be a rule at all."""
    found = _PATTERN.fullmatch(text)
    return found is not None and found["tool"] in set(ToolName)


_FAMILIES = re.compile(
    "apt|apt-get|brew|bun|cargo|composer|docker|dotnet|gem|git|go|gradle|kubectl|make|mvn|npm|npx|pip|pip3|pnpm|poetry"
    "|systemctl|terraform|uv|yarn"
)
"""Programs whose first argument says what they do."""


def proposal(call: ToolCall) -> str:
    """The grant that is offered for a call: the same command with other arguments, or else exactly this call."""
    words = call.subject.split()
    if (
        call.tool is ToolName.RUN
        and len(words) > 1
        and _FAMILIES.fullmatch(words[0])
        and not _SHELL.search(call.subject)
    ):
        wide = f"run({words[0]} {words[1]} *)"
        if not words[1].startswith("-") and narrows(wide, call):
            return wide
    return str(call) if narrows(str(call), call) else ""


def call_of(tool: str, arguments: str) -> ToolCall | None:
    """The call that an agent describes by these words; None where its tool is none of the common names."""
    found = _PATTERN.fullmatch(tool.strip().lower() if "(" not in tool else tool)
    if found is None or found["tool"] not in set(ToolName):
        return None
    return ToolCall(tool=ToolName(found["tool"]), subject=(arguments or found["subject"] or "").strip())


def narrows(pattern: str, call: ToolCall) -> bool:
    """Whether a grant that a person wrote still covers the call it was asked for."""
    return is_pattern(pattern) and matches(pattern, call)
