"""Which files of the tree a command executes: scripts, what a build tool reads, and what those start in turn.

Pure. A folder that a command names is not executed, nor is a file that it reads; a test file that is handed to a test
runner is a test, and `weakened_tests` looks at those.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from coworkd.merge.checks.makefile import makefile_commands, makefile_includes
from coworkd.merge.checks.shell_words import Invocation, inside, invocations

ReadText = Callable[[str], str | None]
"""The text of a file of the tree by its path; None: there is no such file."""

MAX_FILES = 200
"""Files that are followed: more are no chain of scripts that a person wrote."""
_INTERPRETERS = frozenset(
    {
        "sh",
        "bash",
        "dash",
        "zsh",
        "ksh",
        "python",
        "pypy",
        "node",
        "ruby",
        "perl",
        "deno",
        "bun",
        "tsx",
        "ts-node",
        "php",
    }
    | {"Rscript", "lua", "julia", "elixir", "fish", "pwsh", "babel-node", "swift", "groovy", "tclsh", "awk", "gawk"}
)
_SHELL_SUFFIXES = (".sh", ".bash", ".zsh", ".ksh", ".bats")
_OPTIONS_WITH_VALUE = frozenset(
    {"-W", "-X", "-O", "-o", "-r", "--require", "--import", "--loader", "-I", "-M", "-F", "-v"}
)
_SUBCOMMANDS = frozenset({"run"})
"""Words between an interpreter and its script, as in `deno run x.ts`."""
_TOOL_FILES = {
    "tox": ("tox.ini",), "nox": ("noxfile.py",), "just": ("justfile", "Justfile", ".justfile"),
    "task": ("Taskfile.yml", "Taskfile.yaml", "taskfile.yml"), "rake": ("Rakefile", "rakefile"), "ant": ("build.xml",),
    "invoke": ("tasks.py",), "inv": ("tasks.py",), "pre-commit": (".pre-commit-config.yaml",), "doit": ("dodo.py",),
    "scons": ("SConstruct",), "gulp": ("gulpfile.js", "gulpfile.mjs", "gulpfile.ts"), "grunt": ("Gruntfile.js",),
    "lefthook": ("lefthook.yml",), "earthly": ("Earthfile",), "mage": ("magefile.go",), "meson": ("meson.build",),
    "ctest": ("CTestTestfile.cmake", "CMakeLists.txt"),
    "deno": ("deno.json", "deno.jsonc"), "composer": ("composer.json",),
}  # fmt: skip
"""Program -> the file with its commands, where there is one of that name."""
_PACKAGE_MANAGERS = frozenset({"npm", "yarn", "pnpm", "bun"})
_RUNNERS = frozenset({"pytest", "py.test", "unittest", "nose2", "jest", "vitest", "mocha", "ava", "rspec", "phpunit"})


def executed_files(commands: Sequence[str], read: ReadText) -> dict[str, str]:
    """Path -> the command that executes it, directly or through a script of the tree."""
    found: dict[str, str] = {}
    for command in commands:
        _collect_executed(command, "", command, read, found)
    return found


def run_modules(command: str, read: ReadText) -> frozenset[str]:
    """The files that a command runs as `python -m MODULE`: a program of the tree rather than a check of it."""
    return frozenset(
        path
        for invocation in invocations(command)
        if invocation.name in ("python", "pypy") and "-m" in invocation.arguments
        for path in _script(invocation, read)
    )


def named_tests(commands: Sequence[str]) -> frozenset[str]:
    """Paths that are handed to a test runner: tests, whatever they are called."""
    return frozenset(
        inside(invocation.folder, word.split("::")[0])
        for command in commands
        for invocation in invocations(command)
        if _RUNNERS.intersection((invocation.name, *invocation.arguments[:2]))
        for word in invocation.arguments
        if not word.startswith("-")
    )


def _collect_executed(text: str, folder: str, command: str, read: ReadText, found: dict[str, str]) -> None:
    for invocation in invocations(text, folder):
        for path, inner, inner_folder in _executed_by(invocation, read):
            if path in found or len(found) >= MAX_FILES:
                continue
            found[path] = command
            _collect_executed(inner, inner_folder, command, read, found)


def _executed_by(invocation: Invocation, read: ReadText) -> Iterator[tuple[str, str, str]]:
    """Each file that this program executes, with the shell text in it and the folder that text runs in."""
    if invocation.name in ("make", "gmake"):
        yield from _make_recipes(invocation, read)
    elif invocation.name in _PACKAGE_MANAGERS and not (invocation.name == "bun" and _script(invocation, read)):
        yield from _package_scripts(invocation, read)
    for path in (*_direct_program(invocation, read), *(_script(invocation, read)), *_read_by_tool(invocation, read)):
        text = read(path) or ""
        yield path, text if _is_shell(path, text) else "", invocation.folder


def _direct_program(invocation: Invocation, read: ReadText) -> Iterator[str]:
    if "/" in invocation.program and read(path := inside(invocation.folder, invocation.program)) is not None:
        yield path


def _script(invocation: Invocation, read: ReadText) -> tuple[str, ...]:
    """The script of an interpreter, or the module of `python -m`."""
    if invocation.program in (".", "source"):
        return tuple(_existing(invocation, invocation.arguments[:1], read))
    if invocation.name not in _INTERPRETERS:
        return ()
    rest = list(invocation.arguments)
    while rest and (rest[0].startswith("-") or rest[0] in _SUBCOMMANDS):
        option = rest.pop(0)
        if option == "-m" and rest and invocation.name in ("python", "pypy"):
            return tuple(_existing(invocation, _module_files(rest[0]), read))
        if option in ("-c", "-e", "--eval", "-p", "--test", "--print"):
            return ()
        if option in _OPTIONS_WITH_VALUE and rest:
            rest.pop(0)
        if option in ("-f", "--file") and rest and invocation.name in ("awk", "gawk"):
            return tuple(_existing(invocation, rest[:1], read))
    return tuple(_existing(invocation, rest[:1], read)) if invocation.name not in ("awk", "gawk") else ()


def _module_files(module: str) -> list[str]:
    base = module.replace(".", "/")
    return [f"{root}{base}{end}" for root in ("", "src/") for end in (".py", "/__main__.py")]


def _existing(invocation: Invocation, paths: Sequence[str], read: ReadText) -> Iterator[str]:
    for path in paths:
        if read(whole := inside(invocation.folder, path)) is not None:
            yield whole


def _read_by_tool(invocation: Invocation, read: ReadText) -> Iterator[str]:
    name = invocation.name
    if name in ("python", "pypy") and invocation.arguments[:1] == ("-m",) and len(invocation.arguments) > 1:
        name = invocation.arguments[1]
    yield from _existing(invocation, _TOOL_FILES.get(name, ()), read)


def _is_shell(path: str, text: str) -> bool:
    first = text.partition("\n")[0]
    return path.endswith(_SHELL_SUFFIXES) or bool(re.match(r"#!.*\b(ba|da|z|k|a)?sh\b", first))


# ---- make


def _make_recipes(invocation: Invocation, read: ReadText) -> Iterator[tuple[str, str, str]]:
    folder, file, targets = _make_words(invocation)
    names = (file,) if file else ("GNUmakefile", "makefile", "Makefile")
    path = next((p for name in names if read(p := inside(folder, name)) is not None), "")
    if not path:
        return
    text = read(path) or ""
    yield path, makefile_commands(text, targets), folder
    for name in makefile_includes(text):
        included = inside(folder, name)
        if (more := read(included)) is not None:
            yield included, makefile_commands(f"{text}\n{more}", targets), folder


def _make_words(invocation: Invocation) -> tuple[str, str, tuple[str, ...]]:
    folder, file, targets = invocation.folder, "", list[str]()
    rest = list(invocation.arguments)
    while rest:
        word = rest.pop(0)
        if word in ("-C", "--directory", "-f", "--file", "--makefile") and rest:
            value = rest.pop(0)
            folder, file = (inside(folder, value), file) if word in ("-C", "--directory") else (folder, value)
        elif word.startswith("-C") and len(word) > 2:
            folder = inside(folder, word[2:])
        elif word.startswith(("--directory=", "--file=", "--makefile=")):
            value = word.partition("=")[2]
            folder, file = (inside(folder, value), file) if word.startswith("--d") else (folder, value)
        elif not word.startswith("-") and "=" not in word and not word.isdecimal():
            targets.append(word)
    return folder, file, tuple(targets)


# ---- npm and its like


def _package_scripts(invocation: Invocation, read: ReadText) -> Iterator[tuple[str, str, str]]:
    folder, words = invocation.folder, list[str]()
    rest = list(invocation.arguments)
    while rest:
        word = rest.pop(0)
        if word in ("--prefix", "-C", "--dir", "--cwd") and rest:
            folder = inside(folder, rest.pop(0))
        elif word == "--":
            break
        elif not word.startswith("-"):
            words.append(word)
    scripts = package_scripts(read(path := inside(folder, "package.json")))
    name = words[1] if words[:1] in (["run"], ["run-script"]) and len(words) > 1 else words[0] if words else ""
    name = "test" if name in ("t", "tst") else name
    lines = [scripts[key] for key in (f"pre{name}", name, f"post{name}") if key in scripts]
    if name in scripts:
        yield path, "\n".join(lines), folder


def package_scripts(text: str | None) -> Mapping[str, str]:
    """The scripts of a package.json; none where it cannot be read."""
    try:
        found: Any = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    scripts = cast("dict[str, Any]", found).get("scripts") if isinstance(found, dict) else None
    if not isinstance(scripts, dict):
        return {}
    return {name: line for name, line in cast("dict[str, Any]", scripts).items() if isinstance(line, str)}


def with_executed_part(path: str, old: str, new: str) -> str | None:
    """`new` with what of it is executed as in `old`; None where that is all of it."""
    if posixpath.basename(path) != "package.json":
        return None
    try:
        loaded: Any = json.loads(new)
    except (ValueError, RecursionError):
        return None
    if not isinstance(loaded, dict):
        return None
    return json.dumps({**cast("dict[str, Any]", loaded), "scripts": dict(package_scripts(old))}, indent=2) + "\n"


def executed_part(path: str, text: str | None) -> object:
    """What of a file counts as executed: of a package.json its scripts, of any other file everything."""
    return dict(package_scripts(text)) if posixpath.basename(path) == "package.json" else text
