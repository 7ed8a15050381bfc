"""The tools at work: what they read, write and run, and what the model is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from coworkd.agents.drivers.llm.chat_messages import clip
from coworkd.agents.drivers.llm.shell import CommandResult, Shell
from coworkd.agents.drivers.llm.tools import Tool, ToolUse
from coworkd.agents.drivers.llm.worktree_files import ToolError, WorktreeFiles

_SHOWN = 30_000
"""Characters of a result that the model gets to see."""
_SHOWN_ENTRIES = 1000
_RUN_SECONDS = 300
_MOST_RUN_SECONDS = 3600
_SEARCH_SECONDS = 60
_NOTHING_FOUND = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """The result of a call, as the model is told it."""

    ok: bool
    text: str


class ToolRunner:
    """The worktree's files and commands."""

    def __init__(self, worktree: Path, commands: Shell) -> None:
        self._tree = WorktreeFiles(worktree)
        self._commands = commands

    def close(self) -> None:
        self._tree.close()

    def path(self, use: ToolUse) -> str:
        """The path that a call is about, as rules know it. Raises ToolError for one outside the worktree."""
        return "" if use.tool is Tool.RUN else self._tree.path(use.text("path", "."))

    def use(self, use: ToolUse) -> ToolResult:
        """Carry out a call that is allowed."""
        try:
            return self._use(use)
        except ToolError as error:
            return ToolResult(ok=False, text=str(error))

    def _use(self, use: ToolUse) -> ToolResult:
        match use.tool:
            case Tool.READ:
                return _text_result(self._lines(use))
            case Tool.LIST:
                return _text_result(_listing(self._tree.entries(use.text("path", "."))))
            case Tool.SEARCH:
                return self._search(use)
            case Tool.EDIT:
                return self._edit(use)
            case Tool.WRITE:
                self._tree.write(use.text("path"), use.text("text"))
                return ToolResult(ok=True, text=f"wrote {use.text('path')}")
            case Tool.RUN:
                seconds = min(use.number("timeout", _RUN_SECONDS), _MOST_RUN_SECONDS)
                return _command_result(self._commands.run_line(use.text("command"), seconds), seconds)
            case _:
                raise ToolError(f"`{use.tool}` is not carried out here")

    def _lines(self, use: ToolUse) -> str:
        text = self._tree.read(use.text("path"))
        if "first" not in use.arguments and "lines" not in use.arguments:
            return text
        lines = text.splitlines(keepends=True)
        first = max(1, use.number("first", 1)) - 1
        return "".join(lines[first : first + use.number("lines", len(lines))])

    def _edit(self, use: ToolUse) -> ToolResult:
        path, old = use.text("path"), use.text("old")
        text = self._tree.read(path)
        found = text.count(old) if old else 0
        if found != 1:
            raise ToolError(f"{path}: `old` is there {found} times, not once; nothing was changed")
        self._tree.write(path, text.replace(old, use.text("new")))
        return ToolResult(ok=True, text=f"edited {path}")

    def _search(self, use: ToolUse) -> ToolResult:
        path = self._tree.path(use.text("path", "."))
        quiet = ("git", "-c", "core.fsmonitor=false", "grep", "--no-index", "--exclude-standard", "--line-number")
        ran = self._commands.run((*quiet, "-I", "-E", "-e", use.text("pattern"), "--", path), _SEARCH_SECONDS)
        if ran.code == _NOTHING_FOUND and not ran.output:
            return ToolResult(ok=True, text="nothing found")
        return _command_result(ran, _SEARCH_SECONDS)


def _text_result(text: str) -> ToolResult:
    return ToolResult(ok=True, text=clip(text, _SHOWN) or "(empty)")


def _listing(names: list[str]) -> str:
    more = [f"[... and {len(names) - _SHOWN_ENTRIES} more ...]"] if len(names) > _SHOWN_ENTRIES else []
    return "\n".join([*names[:_SHOWN_ENTRIES], *more])


def _command_result(ran: CommandResult, seconds: float) -> ToolResult:
    end = (
        f"\n[ended after {seconds:g} s: it had its time]"
        if ran.timed_out
        else f"\n[exit {ran.code}]"
        if ran.code
        else ""
    )
    return ToolResult(ok=ran.code == 0 and not ran.timed_out, text=f"{clip(ran.output, _SHOWN)}{end}" or "(no output)")
