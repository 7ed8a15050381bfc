"""The values: what a machine offers, and what one process is to be held to. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from coworkd.core.model import SandboxLevel
from coworkd.core.start_faults import StartFaultKind, UnfitSettingError
from coworkd.system.sandbox.network_rules import Report

GIGABYTE = 1 << 30
_TOUCHY = ("LD_", "BASH_", "ENV", "GLIBC_TUNABLES", "MALLOC_", "GCONV_PATH", "LOCPATH", "SHELLOPTS", "PS4")
"""Beginnings of variables by which a program's own loader or shell can be led astray."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxCapabilities:
    """What this machine has for confining processes; found once, when the daemon starts."""

    level: SandboxLevel = SandboxLevel.NONE
    unavailable_reason: str = ""
    """At level `none`: why nothing confines, in words."""
    disabled_by_user: bool = False
    """It is so because the user's own settings say so."""
    asked: SandboxLevel | None = None
    """At level `none`: the sandbox that the user's own settings ask for, and that does not work here."""
    bwrap: str = ""
    filter: str = ""
    """The file with the system call filter; empty: this machine has none."""
    groups: tuple[str, ...] = ()
    """Control groups in which a group for each run can be made."""
    protected: tuple[str, ...] = ()
    """What no setting in a file can open: the user's checkout, and everything of coworkd's own."""
    memory: int = 0
    """Bytes that a run gets at most, where there are control groups."""


UNCONFINED = SandboxCapabilities(unavailable_reason="it has not been checked what works here")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceLimits:
    """What a run may use up. Time and output are bounded by the program that started it."""

    processes: int = 4096
    file_size: int = 16 * GIGABYTE
    """Bytes of one file."""
    scratch: int = GIGABYTE
    """Bytes in `/tmp`, `/var/tmp` and `/dev/shm`, each."""


USUAL = ResourceLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """How one process is held. Paths are absolute, and the same inside as outside."""

    means: SandboxCapabilities
    run: str
    """The value of `COWORK_RUN`: all processes of a run share its control group."""
    workdir: str
    writable: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    """The hosts that may be reached, as `HOST` or `HOST:PORT`; empty: none."""
    limits: ResourceLimits = USUAL
    report: Report | None = None
    """Told of connections that are refused. With it there is a proxy even if no host may be reached."""


def split_environment(env: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What a process outside may be started with, and what only the program inside is handed.

    No process outside is to obey what an agent's environment says to loaders and shells.
    """
    outer = {name: value for name, value in env.items() if not name.startswith(_TOUCHY)}
    return outer, {name: value for name, value in env.items() if name not in outer}


def outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths without those that lie in another of them, sorted: no mount's source has a writable ancestor."""
    kept: list[str] = []
    for path in sorted({os.path.normpath(path) for path in paths}):
        if not any(contains(outer, path) for outer in kept):
            kept.append(path)
    return tuple(kept)


def contains(folder: str, path: str) -> bool:
    """Whether `path` is `folder` or lies below it, by name."""
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def opened(confinement: Confinement, wanted: Iterable[str]) -> Confinement:
    """With the folders of an agent's `allow_paths` writable, which must be resolved: no part of them a link.

    Raises ConfigError for one that would open what is protected.
    """
    paths = tuple(wanted)
    for path in paths:
        for precious in confinement.means.protected:
            if contains(path, precious) or contains(precious, path):
                message = f"sandbox.allow_paths: {path} would open {precious} to an agent, which never happens"
                raise UnfitSettingError(StartFaultKind.SANDBOX, message)
    return replace(confinement, writable=outermost((*confinement.writable, *paths)))
