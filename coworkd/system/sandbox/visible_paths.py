"""What of this machine is shown to everybody inside, looked up: the system's folders, and the user's toolchains.

A toolchain is what a folder on the search path belongs to: the version of an interpreter, a folder of programs with
what their links lead to. The rest of the home it lies in is not shown.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache

from coworkd.system.sandbox.bubblewrap import System
from coworkd.system.sandbox.policy import contains, outermost

_FOLDERS = ("/usr", "/opt", "/nix", "/snap")
_MAYBE_LINKS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    *("alternatives", "bash.bashrc", "ca-certificates", "ca-certificates.conf", "crypto-policies", "debian_version"),
    *("fonts", "group", "host.conf", "hosts", "inputrc", "java", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"),
    *("localtime", "locale.alias", "locale.conf", "login.defs", "lsb-release", "magic", "manpath.config", "mime.types"),
    *("networks", "nsswitch.conf", "openssl", "os-release", "passwd", "perl", "pki", "profile", "profile.d"),
    *("protocols", "python3", "resolv.conf", "services", "shells", "ssl", "static", "terminfo", "timezone", "vim"),
    "wgetrc",
)
"""What programs need to run. Not what configures the machine's own services or holds their secrets."""
_SEALED = (
    *("acpi", "asound", "bus", "driver", "fs", "irq", "kcore", "latency_stats", "mtrr", "scsi", "sys"),
    *("sysrq-trigger", "timer_list"),
)
_VERSIONED = (".pyenv", ".nvm", ".rbenv", ".nodenv", ".asdf", ".volta", ".sdkman", ".rustup", ".bun", ".deno", ".fnm")
"""Tool managers: one folder in the home with every version, of which a part is on the search path."""
_COMPANIONS = {".cargo": (".rustup",), ".pyenv": (), ".local": (".local/lib", ".local/share/uv", ".local/share/pipx")}
"""What has to come with a folder on the search path, by the folder's own name in the home."""
_SHARE = ".local/share"
_MAX_LINKS = 1000
"""Parts of a path and of the links in it; one with more is taken to lead anywhere."""


@cache
def system() -> System:
    """What of the machine itself is shown."""
    shown = [path for path in (*_FOLDERS, *_MAYBE_LINKS) if os.path.isdir(path) and not os.path.islink(path)]
    links = [(os.readlink(path), path) for path in _MAYBE_LINKS if os.path.islink(path)]
    etc = [path for path in (f"/etc/{name}" for name in _ETC) if os.path.exists(path)]
    sealed = [path for path in (f"/proc/{name}" for name in _SEALED) if os.path.exists(path)]
    return System(folders=(*shown, *etc), links=tuple(links), sealed=tuple(sealed))


@cache
def toolchains(search: str, home: str, writable: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The folders that the programs on the search path `search` need, but for those that everybody is shown.

    `writable`: see `tools_of`.
    """
    found = [root for folder in search.split(os.pathsep) for root in tools_of(folder, home, writable)]
    return outermost([*found, *interpreter()])


@cache
def interpreter() -> tuple[str, ...]:
    """Where the Python that runs coworkd lies, if that is none of the system's folders."""
    return tuple(root for root in (os.path.realpath(sys.base_prefix),) if not _shown(root))


def parts_around(folders: Iterable[str], hidden: Iterable[str]) -> tuple[str, ...]:
    """The folders, and in place of one that holds something hidden its parts that do not.

    For a sandbox that can allow a folder, but refuse no part of it.
    """
    never = tuple(hidden)
    return tuple(part for folder in folders for part in _parts_around(folder, never))


def _parts_around(path: str, hidden: tuple[str, ...]) -> Iterator[str]:
    if not any(contains(path, one) for one in hidden):
        yield path
        return
    if path in hidden:
        return
    with suppress(PermissionError):
        for entry in os.scandir(path):
            # A link would open what it leads to, and that is allowed where it belongs, or not at all.
            if not entry.is_symlink():
                yield from _parts_around(entry.path, hidden)


def leads_through(path: str, folders: Iterable[str]) -> bool:
    """Whether one of the folders, or something in them, decides what a whole path leads to, link by link."""
    held, at, rest = tuple(folders), "/", _parts(path)
    for _ in range(_MAX_LINKS):
        if not rest:
            return False
        at = os.path.normpath(os.path.join(at, rest.pop(0)))
        if any(contains(folder, at) for folder in held):
            return True
        if os.path.islink(at):
            rest = _parts(os.path.join(os.path.dirname(at), os.readlink(at))) + rest
            at = "/"
    return True


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def tools_of(folder: str, home: str, writable: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What has to be shown so that the programs in `folder` work.

    Where something writable decides what a link leads to, it is not followed: an agent could have led it elsewhere.
    """
    if not os.path.isabs(folder) or not os.path.isdir(folder) or _shown(folder) or leads_through(folder, writable):
        return ()
    folder = os.path.normpath(folder)
    roots = {root for root in (_root(folder, home), *_link_targets(folder, home, writable)) if not _shown(root)}
    return tuple(sorted(root for root in roots if not contains(root, home)))


def _shown(path: str) -> bool:
    return any(contains(root, path) for root in (*_FOLDERS, *_MAYBE_LINKS))


def _root(folder: str, home: str) -> str:
    """The installation that a folder of programs is part of; itself when it is part of nothing that is known."""
    parts = os.path.relpath(folder, home).split(os.sep) if contains(home, folder) else []
    if parts and parts[0] in _VERSIONED:
        return os.path.join(home, parts[0])
    parent = os.path.dirname(folder)
    whole = any(os.path.exists(os.path.join(parent, mark)) for mark in ("pyvenv.cfg", "lib/node_modules", "pkg/tool"))
    return parent if whole and os.path.basename(folder) in ("bin", "Scripts") else folder


def _link_targets(folder: str, home: str, writable: tuple[str, ...]) -> Iterator[str]:
    """Where the links in a folder of programs lead, and what always comes with such a folder."""
    first = os.path.relpath(folder, home).split(os.sep)[0] if contains(home, folder) else ""
    for name in _COMPANIONS.get(first, ()):
        if os.path.isdir(os.path.join(home, name)):
            yield os.path.join(home, name)
    for entry in os.scandir(folder):
        if entry.is_symlink() and not leads_through(entry.path, writable):
            yield from _installation_of(os.path.realpath(entry.path), home)


def _installation_of(target: str, home: str) -> Iterator[str]:
    """The installation that a linked program is part of."""
    if not os.path.exists(target):
        return
    share = os.path.join(home, _SHARE)
    if contains(share, target) and target != share:
        yield os.path.join(share, os.path.relpath(target, share).split(os.sep)[0])
        return
    yield _module(target) or _root(os.path.dirname(target), home)


def _module(target: str) -> str:
    """The folder of packages that a program of npm lies in: packages find each other there."""
    before, mark, _ = target.partition("/node_modules/")
    return before + mark.rstrip("/") if mark else ""
