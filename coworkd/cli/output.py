"""How things are printed: JSON for programs, 80 columns for people."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any, TypeVar

import click

from coworkd.core.errors import printable
from coworkd.core.terminal_text import visible
from coworkd.core.text_formats import CUT, shorten, shorten_middle

WIDTH = 80
MAX_LINES = 3
"""Lines that a cell of running text may take."""
MIN_COLUMN = 24
"""Columns in which running text can still be read."""

_IN_BACKTICKS = re.compile(r"`[^`\n]+`")
_BOUND_SPACE = "\N{NO-BREAK SPACE}"

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """`--json`, which every command takes."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON.")(command)


def as_json(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    # What is no text stands in JSON by its number, which `printable` writes in JSON's own form.
    click.echo(printable(text))


COLOURS = {
    "waiting": "yellow", "review": "yellow", "running": "cyan", "merging": "cyan", "ready": "blue", "failed": "red",
    "done": "green",
}  # fmt: skip


def coloured(status: str, width: int = 0) -> str:
    return click.style(status.ljust(width), fg=COLOURS.get(status))


def columns(*cells: tuple[str, int]) -> str:
    """Cells side by side, each cut or filled to its width."""
    return "  ".join(_fit(plain(text), width) for text, width in cells)


def short_id(task: str, width: int) -> str:
    """An id in at most `width` columns."""
    return shorten_middle(task, width)


def hanging_indent(head: str, text: str, most: int = MAX_LINES) -> str:
    """`text` beside `head`, in at most `most` lines, further ones under its beginning.

    Words stay whole, and so does what stands in backticks: a path or a command must be good to copy. Where one does
    not fit beside the head, the text begins below it.
    """
    text, plain_head = plain(text), click.unstyle(head)
    indent = _width(plain_head) + 2
    if plain_head.strip() and not _fits(text, WIDTH - indent):
        below = len(plain_head) - len(plain_head.lstrip()) + 4
        return "\n".join([head.rstrip(), *(f"{' ' * below}{line}" for line in _wrapped(text, WIDTH - below, most))])
    lines = _wrapped(text, WIDTH - indent, most)
    return "\n".join([f"{head}  {''.join(lines[:1])}".rstrip(), *(f"{' ' * indent}{line}" for line in lines[1:])])


def _fits(text: str, width: int) -> bool:
    """Whether a column so wide takes the text, without a word that is wider."""
    return len(text) <= width or (width >= MIN_COLUMN and all(len(word) <= width for word in _bound(text).split(" ")))


def _bound(text: str) -> str:
    """The text with what stands in backticks bound to one word."""
    return _IN_BACKTICKS.sub(lambda found: found[0].replace(" ", _BOUND_SPACE), text)


def _wrapped(text: str, width: int, most: int) -> list[str]:
    if len(text) <= width and "\n" not in text and "\t" not in text:
        return [text.rstrip()]
    import textwrap

    lines = textwrap.wrap(
        _bound(text), width, max_lines=most, placeholder=" …", break_long_words=False, break_on_hyphens=False
    )  # fmt: skip
    return [line.replace(_BOUND_SPACE, " ") for line in lines]


def plain(text: str) -> str:
    """`text` without what would command the terminal or mislead its reader: files are written by agents, too."""
    return text if text.isprintable() else visible(text)


def _fit(text: str, width: int) -> str:
    text = " ".join(text.split())
    if text.isascii():
        return shorten(text, width).ljust(width)
    if _width(text) > width:
        while _width(text) >= width:
            text = text[:-1]
        text += CUT
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Columns of a terminal that a line takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
