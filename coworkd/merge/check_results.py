"""What verifications have found, by what was checked and how: equal files need not be checked twice.

Only in memory: a daemon that starts again checks again. What is green counts for every commit with the same files;
what is red is kept of tips alone, where `red_candidates` says when it counts.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from coworkd.core.model import Check

MAX_TREES = 128
"""Trees with results, at most; those that were used longest ago are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The checks of one run of commands on one tree."""

    commands: tuple[str, ...]
    checks: tuple[Check, ...]
    output: str
    """The name of the folder that keeps their output."""

    @property
    def green(self) -> bool:
        """Whether each command has run on nothing but the tree, and was green."""
        commands = tuple(check.command for check in self.checks)
        return commands == self.commands and all(
            check.green and not check.reached and not check.hidden for check in self.checks
        )


class CheckResults:
    """Safe to use from any thread."""

    def __init__(self, most: int = MAX_TREES) -> None:
        self._most = most
        self._changing = threading.Lock()
        self._by_tree: OrderedDict[str, dict[tuple[str, ...], CheckResult]] = OrderedDict()

    def find(self, tree: str, commands: tuple[str, ...]) -> CheckResult | None:
        """The latest result of these commands, or of more that began with these and were green.

        `tree` names the files and all conditions under which they are checked.
        """
        with self._changing:
            known = self._by_tree.get(tree)
            if known is None:
                return None
            self._by_tree.move_to_end(tree)
            longer = (one for one in known.values() if one.green and one.commands[: len(commands)] == commands)
            return known.get(commands) or _first_of(next(longer, None), len(commands))

    def keep(self, tree: str, result: CheckResult) -> tuple[str, ...]:
        """Keep a result instead of an earlier one of the same commands; the outputs that nothing refers to any more."""
        with self._changing:
            self._by_tree.setdefault(tree, {})[result.commands] = result
            self._by_tree.move_to_end(tree)
            dropped: list[str] = []
            while len(self._by_tree) > self._most:
                _, forgotten = self._by_tree.popitem(last=False)
                dropped += [one.output for one in forgotten.values()]
            return tuple(dropped)


def _first_of(result: CheckResult | None, number: int) -> CheckResult | None:
    """The first checks of a green result: a command depends on those before it, and on none after it."""
    if result is None:
        return None
    return CheckResult(commands=result.commands[:number], checks=result.checks[:number], output=result.output)
