"""The command line that puts a program into a sandbox of Landlock's. Pure.

There are no namespaces: what is not named may not be opened, but its name, size and times can be looked at. The program
gets what `bubblewrap` would show it, but for `/tmp` and `/dev/shm`, which belong to everybody: its own folder for
temporary files is in its environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from coworkd.system.sandbox.policy import Confinement, contains, outermost, split_environment

_ROOT = str(Path(__file__).resolve().parents[3])
_STUB = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    " from coworkd.system.sandbox.landlock_launch import main; main(sys.argv[2:])"
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
"""No terminals: every other terminal of the user would be among them."""
_AS_IF_NOT_THERE = {"GIT_CONFIG_NOSYSTEM": "1"}
"""What is not shown answers "permission denied" here, not "not there": git would stop at the machine's settings."""
_PROCESSES = "/proc"
"""To read. What is another process's own in there is refused by Landlock itself, but for its name and command line."""


def command(
    confinement: Confinement,
    shown: Sequence[str],
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    joins: Sequence[str] = (),
    ports: Sequence[int] = (),
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The command line and environment that start `argv` with `env` inside.

    `shown`: what of this machine everybody may read. `joins`: files to write one's id to. `ports`: TCP ports that may
    be connected to, which Landlock cannot bind to a host.
    """
    outer, handed = split_environment(env)
    words = [*_rules(confinement, shown), *_limits(confinement)]
    words += _each("join", joins) + _each("port", map(str, ports))
    words += _each("env", (f"{name}={value}" for name, value in {**handed, **_AS_IF_NOT_THERE}.items()))
    interpreter = (os.path.realpath(sys.executable), "-I", "-S", "-c", _STUB, _ROOT)
    return (*interpreter, *words, "--", *argv), outer


def _rules(confinement: Confinement, shown: Sequence[str]) -> list[str]:
    """What is readable inside of something writable is so with it: an agent could have put a link in its place."""
    writable = outermost(confinement.writable)
    wanted = outermost((*shown, _PROCESSES, *confinement.readable))
    readable = [path for path in wanted if not any(contains(folder, path) for folder in writable)]
    return [*_each("read", readable), *_each("write", writable), *_each("device", _DEVICES)]


def _limits(confinement: Confinement) -> list[str]:
    limits = confinement.limits
    return [
        "file-size", str(limits.file_size), "processes", str(limits.processes), "filter", confinement.means.filter,
        "dir", confinement.workdir,
    ]  # fmt: skip


def _each(word: str, values: Iterator[str] | Sequence[str]) -> list[str]:
    return [part for value in values for part in (word, value)]
