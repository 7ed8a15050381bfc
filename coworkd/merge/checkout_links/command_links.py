"""What leads one command of a verification into a checkout of the user.

Which interpreter a command uses follows from its words, the search path and the first lines of scripts. What starts
programs of its own (`make`, a shell script) may use any: then the `python` of the search path is examined as well. A
command that cannot load code of others (`test`, `grep`) leads nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from pathlib import Path

from coworkd.merge.checkout_links.checkouts import Checkouts, find_program
from coworkd.merge.checkout_links.file_links import (
    FoundLink,
    linked_files,
    manifests_naming_checkout,
    relative_paths,
    settings_above,
)
from coworkd.merge.checkout_links.python_links import is_environment, python_link, script_interpreter
from coworkd.merge.checks.executed_files import executed_files
from coworkd.merge.checks.shell_words import Invocation, invocations
from coworkd.system.git import Repo

_LOADING_NO_CODE = frozenset(
    {"true", "false", ":", "test", "[", "[[", "echo", "printf", "cat", "head", "tail", "grep", "egrep", "fgrep", "sed"}
    | {"cut", "sort", "uniq", "wc", "tr", "diff", "cmp", "comm", "ls", "find", "stat", "touch", "mkdir", "rmdir", "rm"}
    | {"cp", "mv", "ln", "chmod", "pwd", "cd", "pushd", "popd", "export", "set", "unset", "ulimit", "umask", "exit"}
    | {"return", "sleep", "wait", "date", "tee", "seq", "basename", "dirname", "realpath", "readlink", "sha256sum"}
    | {"md5sum", "git", "jq", "xxd", "od", "trap", "read", "local", "declare", "shift", "kill", "break", "continue"}
    | {"tar", "gzip", "gunzip", "zip", "unzip", "file", "du", "df", "id", "printenv", "which", "type", "hash", "nproc"}
)
"""Programs that do not load code from folders of their own."""
_COMPILED = frozenset({"cargo", "rustc", "go", "gofmt", "ruff", "shellcheck", "clang-tidy", "gcc", "cc", "clang"})
_NODE = frozenset({"node", "npm", "npx", "yarn", "pnpm", "bun", "bunx", "deno", "tsx", "ts-node", "jest", "vitest"})
_PYTHON = ("python", "pypy")


class Runtime(Enum):
    """Where a program takes code from."""

    NONE = auto()
    PYTHON = auto()
    NODE = auto()
    COMPILED = auto()
    ANY = auto()
    """It starts programs of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutLink:
    """One way from a verification into a checkout."""

    path: str
    """What leads there, as a person can look it up."""
    target: str
    """Where it leads to; empty: it is left out of the search path, and was there only for the user."""
    checkout: str

    @property
    def reason(self) -> str:
        return f"{self.path} leads to your checkout {self.checkout}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPaths:
    """Where programs are looked for."""

    search: str
    """By the commands of the verification."""
    inherited: str
    """By the user, with what the verification leaves out."""


FindExecutable = Callable[[str], str]
"""Asks an interpreter, where the commands run, which file it is: one on the search path may be a tool manager's."""


class Environment:
    """Where the commands of one verification run; looked at once, as far as some command needs it."""

    def __init__(
        self,
        repo: Repo,
        commit: str,
        work: Path,
        paths: SearchPaths,
        checkouts: Checkouts,
        find_executable: FindExecutable,
    ) -> None:
        self._repo = repo
        self._commit = commit
        self._work = work
        self._search = paths.search
        self._inherited = paths.inherited
        self._checkouts = checkouts
        self._find_executable = find_executable
        self._python_links: dict[str, FoundLink] = {}

    def links(self, command: str) -> list[CheckoutLink]:
        """Every way from this command into a checkout, the surest first."""
        links = [
            *self._named_checkouts(command),
            *(link for invocation in invocations(command) for link in self._links_of(invocation)),
        ]
        return list(dict.fromkeys(self._checkout_link(*link) for link in links))

    def _checkout_link(self, path: str, target: str) -> CheckoutLink:
        root = self._checkouts.root_of(target or path) or self._checkouts.named_in(path)
        return CheckoutLink(path=path, target=target, checkout=root)

    def _named_checkouts(self, command: str) -> Iterator[FoundLink]:
        if root := self._checkouts.named_in(command):
            yield f"`{command}`", root
        for path in executed_files([command], self._read):
            if root := self._checkouts.named_in(self._read(path) or ""):
                yield path, root

    def _read(self, path: str) -> str | None:
        file = self._work / path
        if path.startswith(("/", "..")) or not file.is_file():
            return None
        return file.read_bytes()[:1_000_000].decode("utf-8", "surrogateescape")

    def _links_of(self, invocation: Invocation) -> Iterator[FoundLink]:
        folder = self._work / invocation.folder
        yield from relative_paths([invocation.program, *invocation.arguments], folder, self._checkouts)
        runtime = self._runtime(invocation, folder)
        if runtime is Runtime.NONE:
            return
        program = find_program(invocation.program, self._search, folder)
        if program and self._checkouts.root_of(program):
            yield program, os.path.realpath(program)
        yield from self._linked_files
        if runtime in (Runtime.PYTHON, Runtime.ANY):
            for interpreter in self._interpreters(program, runtime, folder):
                yield from (link for link in [self._python_link(interpreter)] if link[0])
        if runtime in (Runtime.COMPILED, Runtime.ANY):
            yield from self._settings_above
        yield from self._manifests
        yield from self._excluded_programs(invocation, runtime, folder)

    def _runtime(self, invocation: Invocation, folder: Path) -> Runtime:
        if invocation.name in _LOADING_NO_CODE:
            return Runtime.NONE
        if invocation.name in _COMPILED:
            return Runtime.COMPILED
        if invocation.name in _NODE:
            return Runtime.NODE
        if invocation.name in _PYTHON:
            return Runtime.PYTHON
        words = script_interpreter(find_program(invocation.program, self._search, folder))
        name = os.path.basename(words[-1]) if words else ""
        if name.startswith(_PYTHON):
            return Runtime.PYTHON
        return Runtime.NODE if name in _NODE else Runtime.ANY

    def _interpreters(self, program: str, runtime: Runtime, folder: Path) -> Iterator[str]:
        """The Pythons that may be used: the program itself, that of its first line, that of the search path."""
        if os.path.basename(program).startswith(_PYTHON):
            yield program
        words = script_interpreter(program) if program else ()
        name = words[-1] if words else ""
        if os.path.basename(name).startswith(_PYTHON):
            yield find_program(os.path.basename(name) if len(words) > 1 else name, self._search, folder)
        if runtime is Runtime.ANY:
            yield from (find_program(name, self._search, folder) for name in ("python", "python3"))

    def _python_link(self, interpreter: str) -> FoundLink:
        if interpreter not in self._python_links:
            self._python_links[interpreter] = self._find_python_link(interpreter)
        return self._python_links[interpreter]

    def _find_python_link(self, interpreter: str) -> FoundLink:
        if not interpreter:
            return ("", "")
        known = is_environment(interpreter) or os.path.basename(os.path.realpath(interpreter)).startswith(_PYTHON)
        whole = known and not script_interpreter(interpreter)
        return python_link(interpreter if whole else self._find_executable(interpreter) or interpreter, self._checkouts)

    def _excluded_programs(self, invocation: Invocation, runtime: Runtime, folder: Path) -> Iterator[FoundLink]:
        """Programs that the user's own search path has in a checkout, and the verification's has not."""
        names = (invocation.program, "python", "python3", "node") if runtime is Runtime.ANY else (invocation.program,)
        for name in names if self._inherited != self._search else ():
            path = find_program(name, self._inherited, folder)
            if path and self._checkouts.root_of(os.path.dirname(path)):
                yield path, ""

    @cached_property
    def _linked_files(self) -> list[FoundLink]:
        return list(linked_files(self._work, self._checkouts))

    @cached_property
    def _settings_above(self) -> list[FoundLink]:
        return list(settings_above(self._work, self._checkouts))

    @cached_property
    def _manifests(self) -> list[FoundLink]:
        return list(manifests_naming_checkout(self._repo, self._commit, self._checkouts))
