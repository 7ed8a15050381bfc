"""The recipes of a Makefile that make some targets, as shell lines. Pure; variables are not expanded."""

from __future__ import annotations

import re
from collections.abc import Sequence

_RULE = re.compile(r"^([^\s#:=][^:=]*?)\s*::?(?!=)\s*([^=;#]*?)(?:;(.*))?$")
_INCLUDE = re.compile(r"^-?s?include\s+(.+)$", re.MULTILINE)


def makefile_commands(text: str, targets: Sequence[str] = ()) -> str:
    """The recipe lines of these targets and of what they depend on; without targets of the first one."""
    rules = _rules(text)
    first = next((name for name in rules if not name.startswith(".")), "")
    waiting, done, lines = list(targets) or [first], set[str](), list[str]()
    while waiting:
        name = waiting.pop(0)
        if name in done or name not in rules:
            continue
        done.add(name)
        needs, recipe = rules[name]
        waiting += needs
        lines += recipe
    return "\n".join(lines).replace("$(MAKE)", "make").replace("${MAKE}", "make")


def makefile_includes(text: str) -> tuple[str, ...]:
    """The files that it includes, as written."""
    return tuple(name for line in _INCLUDE.findall(text) for name in line.split() if "$" not in name)


def _rules(text: str) -> dict[str, tuple[list[str], list[str]]]:
    """Target -> what it depends on, and its recipe."""
    rules: dict[str, tuple[list[str], list[str]]] = {}
    current: list[str] = []
    for line in text.replace("\\\n", " ").split("\n"):
        if line.startswith("\t"):
            for name in current:
                rules[name][1].append(line.strip().lstrip("@-+"))
        elif match := _RULE.match(line):
            current = match[1].split()
            for name in current:
                needs, recipe = rules.setdefault(name, ([], []))
                needs += match[2].split()
                recipe += [match[3].strip()] if match[3] else []
        elif line.strip() and not line.startswith("#"):
            current = []
    return rules
