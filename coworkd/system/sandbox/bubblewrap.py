"""The command line that puts a program into a bubblewrap sandbox. Pure.

Inside there is a root of its own that cannot be written, the system's folders read-only, an empty `/tmp`, and what the
confinement names, at the same paths as outside. All other folders of the user are not hidden there: they do not exist.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from coworkd.system.sandbox.policy import Confinement, contains, outermost, split_environment

FILTER_FD = 9
_BLOCK = 512
"""Bytes that the shell's `ulimit -f` counts in."""

_NAMESPACES = ("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts")
_MANNERS = ("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox")
_SCRATCH = ("/tmp", "/var/tmp", "/dev/shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What of this machine everybody may read."""

    folders: tuple[str, ...] = ("/usr",)
    links: tuple[tuple[str, str], ...] = ()
    """(target, path) of links such as `/bin`."""
    sealed: tuple[str, ...] = ()
    """Parts of `/proc` that a process with the daemon's user id could write."""


def command(
    confinement: Confinement, system: System, argv: Sequence[str], env: Mapping[str, str], joins: Sequence[str] = ()
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The command line and environment that start `argv` with `env` inside; `joins`: files to write one's id to.

    A shell sets limits, joins control groups and opens the filter before it gives way to bubblewrap. Neither of the two
    is to obey what an agent's environment says to loaders and shells: that part is handed over inside.
    """
    outer, handed = split_environment(env)
    inner = [word for name, value in handed.items() for word in ("--setenv", name, value)]
    sandbox = (confinement.means.bwrap, *_arguments(confinement, system), *inner, "--", *argv)
    return ("/bin/sh", "-c", _prologue(confinement, joins), "sandbox", *sandbox), outer


def _prologue(confinement: Confinement, joins: Sequence[str]) -> str:
    limits = confinement.limits
    steps = [f"echo $$ >{shlex.quote(file)} || exit 126" for file in joins]
    steps += ["ulimit -c 0", f"ulimit -f {limits.file_size // _BLOCK}"]
    # Shells disagree about the letter.
    steps.append(f"ulimit -u {limits.processes} 2>/dev/null || ulimit -p {limits.processes} 2>/dev/null")
    if confinement.means.filter:
        steps.append(f"exec {FILTER_FD}<{shlex.quote(confinement.means.filter)} || exit 126")
    return "\n".join([*steps, 'exec "$@"'])


def _arguments(confinement: Confinement, system: System) -> Iterator[str]:
    yield from (*_NAMESPACES, *_MANNERS)
    for folder in system.folders:
        yield from ("--ro-bind", folder, folder)
    for target, path in system.links:
        yield from ("--symlink", target, path)
    yield from ("--dev", "/dev", "--proc", "/proc")
    for part in system.sealed:
        yield from ("--ro-bind", part, part)
    for folder in _SCRATCH:
        yield from ("--perms", "1777", "--size", str(confinement.limits.scratch), "--tmpfs", folder)
    for kind, path in mounts(confinement):
        yield from (kind, path, path)
    # The folders that were made to hold the mounts cannot be written.
    yield from ("--remount-ro", "/", "--chdir", confinement.workdir)
    if confinement.means.filter:
        yield from ("--seccomp", str(FILTER_FD))


def mounts(confinement: Confinement) -> list[tuple[str, str]]:
    """Option and path of what is mounted from outside, those that hold others first.

    What is readable inside of something writable stays writable with it: a mount there could be moved aside.
    """
    writable = outermost(confinement.writable)
    readable = [one for one in outermost(confinement.readable) if not any(contains(outer, one) for outer in writable)]
    kinds = {**dict.fromkeys(readable, "--ro-bind-try"), **dict.fromkeys(writable, "--bind")}
    return [(kinds[path], path) for path in sorted(kinds)]
