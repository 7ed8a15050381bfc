"""Shell lines as the programs that they start. Pure, and only as exact as a reader without a shell can be.

Variables are not expanded and loops not unrolled: what cannot be told from the text is left out.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_SEPARATORS = re.compile(r"[();<>|&]+")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_KEYWORDS = frozenset({"!", "{", "}", "if", "then", "else", "elif", "fi", "do", "done", "while", "until", "time"})
_WRAPPERS = {
    # Program -> options of it that take a value of their own.
    "env": ("-u", "-C", "-S"), "exec": ("-a",), "command": (), "builtin": (), "nice": ("-n",), "nohup": (),
    "setsid": (), "stdbuf": (), "ionice": ("-c",),
    "sudo": ("-u", "-g"), "timeout": ("-s", "-k"), "xvfb-run": ("-n", "-s"), "chronic": (),
    "npx": ("-p", "--package"), "bunx": (), "cross-env": (), "dotenv": ("-e", "-f"), "catchsegv": (), "eatmydata": (),
}  # fmt: skip
_RUNNERS = {
    ("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("pdm", "run"), ("rye", "run"), ("hatch", "run"),
    ("bundle", "exec"), ("pnpm", "exec"), ("yarn", "exec"), ("npm", "exec"), ("pixi", "run"), ("mise", "exec"),
}  # fmt: skip
_RUNNER_VALUES = frozenset({"--with", "--extra", "--group", "--python", "-p", "--project", "--directory", "-e", "-E"})
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "busybox"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One program as a line starts it."""

    program: str
    """As it is written, such as `pytest` or `./run.sh`."""
    arguments: tuple[str, ...]
    folder: str = ""
    """Relative to the tree's root, where the line changed into one; empty: the root."""

    @property
    def name(self) -> str:
        """The program without its folder and version, such as `python` for `/usr/bin/python3.12`."""
        return re.sub(r"(?<=[a-z])[0-9][0-9.]*$", "", posixpath.basename(self.program)) or self.program


def invocations(text: str, folder: str = "") -> Iterator[Invocation]:
    """The programs that a shell text starts, in the order in which they are written."""
    for words in map(_without_prefix, _simple_commands(text)):
        if not words:
            continue
        if words[0] in ("cd", "pushd"):
            folder = inside(folder, words[1]) if len(words) > 1 else folder
        elif posixpath.basename(words[0]) in _SHELLS and (script := _script_text(words[1:])):
            yield from invocations(script, folder)
        else:
            yield Invocation(program=words[0], arguments=tuple(words[1:]), folder=folder)


def inside(folder: str, path: str) -> str:
    """`path` as seen from the root when it is written in `folder`; one that leaves the tree begins with `..` or `/`."""
    joined = posixpath.normpath(posixpath.join(folder, path))
    return "" if joined == "." else joined


def _simple_commands(text: str) -> Iterator[list[str]]:
    for line in text.replace("\\\n", " ").split("\n"):
        words: list[str] = []
        for token in _tokens(line):
            if _SEPARATORS.fullmatch(token) and not token.startswith(("<", ">")):
                yield words
                words = []
            else:
                words.append(token)
        yield words


def _tokens(line: str) -> list[str]:
    plain = _COMMENT.sub("", line).replace("$(", " ( ").replace("`", " ; ")
    reader = shlex.shlex(plain, posix=True, punctuation_chars=True)
    reader.whitespace_split, reader.commenters = True, ""
    try:
        return list(reader)
    except ValueError:  # a quote that is closed on another line
        return plain.split()


def _without_prefix(words: list[str]) -> list[str]:
    """Without assignments, keywords and the programs that only start another one."""
    rest = [word for word in words if not word.startswith(("<", ">"))]
    while rest:
        first = posixpath.basename(rest[0])
        if _ASSIGNMENT.match(rest[0]) or rest[0] in _KEYWORDS:
            rest = rest[1:]
        elif first in _WRAPPERS:
            rest = _after_options(rest[1:], _WRAPPERS[first])
            rest = rest[1:] if first == "timeout" else rest
        elif tuple(rest[:2]) in _RUNNERS:
            rest = _after_options(rest[2:], tuple(_RUNNER_VALUES))
        else:
            return rest
    return rest


def _after_options(words: list[str], with_value: tuple[str, ...]) -> list[str]:
    rest = list(words)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "--":
            break
        if option in with_value and rest:
            rest.pop(0)
    return rest


def _script_text(arguments: list[str]) -> str:
    """The text after a shell's `-c`."""
    for position, word in enumerate(arguments):
        if not word.startswith(("-", "+")):
            return ""
        if re.fullmatch(r"-[a-z]*c", word):
            return arguments[position + 1] if position + 1 < len(arguments) else ""
    return ""
