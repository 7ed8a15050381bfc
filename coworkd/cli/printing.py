"""How things are printed: JSON for programs, 80 columns for people."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

WIDTH = 80

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """`--json`, which every command takes."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON.")(command)


def as_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


COLOURS = {
    "waiting": "yellow", "review": "yellow", "running": "cyan", "merging": "cyan", "ready": "blue", "failed": "red",
    "done": "green",
}  # fmt: skip


def coloured(status: str, width: int = 0) -> str:
    return click.style(status.ljust(width), fg=COLOURS.get(status))


def row(cells: Iterable[tuple[str, int]], last: str, indent: int) -> str:
    """One line of a table whose last column wraps under itself."""
    head = "  ".join(_fit(text, width) for text, width in cells)
    wrapped = textwrap.wrap(last, WIDTH - indent) or [""]
    return "\n".join([f"{head}  {wrapped[0]}".rstrip(), *(" " * indent + line for line in wrapped[1:3])])


def _fit(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"


def ago(since: float, now: float) -> str:
    """How long ago, short."""
    seconds = max(now - since, 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"
