"""Which sandbox works on this machine, tried out once, and the confinement of a workspace's processes.

Must never decide by a name or a version what can be tried.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from coworkd.core.model import SandboxLevel, SandboxMode, UserSandbox
from coworkd.system import paths_and_settings
from coworkd.system.durable_files import replace_file
from coworkd.system.git import Repo
from coworkd.system.paths_and_settings import Paths
from coworkd.system.process import commands
from coworkd.system.sandbox import cgroups, seccomp
from coworkd.system.sandbox.landlock import abi_version
from coworkd.system.sandbox.landlock_rules import SUFFICIENT_ABI
from coworkd.system.sandbox.policy import Confinement, SandboxCapabilities
from coworkd.system.sandbox_probes.escape_probes import find_escapes
from coworkd.system.user_settings import user_settings_file

SWITCHED_OFF = "your own settings say `sandbox: {mode: off}`"
_NO_BWRAP = "bubblewrap is not installed: install the package `bubblewrap`"
_NO_LANDLOCK = "this kernel has no Landlock, or it is switched off (`lsm=` at boot)"
_OLD_LANDLOCK = "this kernel has version {} of Landlock, and {} (Linux 6.12) is the first that confines signals"
_NO_FILTER = "there is no filter of system calls for this kind of machine ({})"
_OTHER_SYSTEM = "there is a sandbox for Linux only so far"
_TRIAL_TIMEOUT = 20.0
_MEMORY_SHARE = 0.75
_LEAST_MEMORY = 1 << 30
_UNSAID = UserSandbox()
_BEST_FIRST = (SandboxLevel.BUBBLEWRAP, SandboxLevel.LANDLOCK)


def protected(paths: Paths, repo: Repo) -> tuple[Path, ...]:
    """What no agent gets to see whatever its file says: the checkout, its git directory, and all that is ours."""
    return (
        paths.root,
        repo.git_dir,
        repo.common_dir,
        paths.state,
        paths_and_settings.trust_home(),
        user_settings_file().parent,
    )


class Sandbox:
    """What confines the processes of one workspace; safe between threads."""

    def __init__(self, folder: Path, wanted: UserSandbox = _UNSAID, protected: Iterable[Path] = ()) -> None:
        """`folder` holds the filter, out of every agent's reach; `wanted` is what the user's own settings say.

        `protected` is shown inside no sandbox, whatever a file grants.
        """
        self._folder = folder
        self._wanted = wanted
        self._protected = tuple(sorted({os.path.realpath(path) for path in protected}))
        self._lock = threading.Lock()
        self._means: SandboxCapabilities | None = None

    @property
    def means(self) -> SandboxCapabilities:
        """What works here; tried at first, which takes a moment, and again where its filter was removed."""
        with self._lock:
            if self._means is None or (self._means.filter and not os.path.exists(self._means.filter)):
                off = self._wanted.mode is SandboxMode.OFF
                found = (
                    SandboxCapabilities(unavailable_reason=SWITCHED_OFF, disabled_by_user=True)
                    if off
                    else find(self._folder, self._wanted.use)
                )
                self._means = replace(found, protected=self._protected)
            return self._means


def find(folder: Path, use: SandboxLevel | None = None) -> SandboxCapabilities:
    """The best that this machine offers, or the one that is asked for. At level `none` it says why."""
    if not sys.platform.startswith("linux"):
        return SandboxCapabilities(unavailable_reason=_OTHER_SYSTEM)
    lacking: list[str] = []
    for level in _BEST_FIRST if use is None else (use,):
        found = _TRIED[level](folder)
        if found.level is level:
            return found
        lacking.append(found.unavailable_reason)
    return SandboxCapabilities(unavailable_reason="; ".join(lacking), asked=use)


def _bubblewrap(folder: Path) -> SandboxCapabilities:
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return SandboxCapabilities(unavailable_reason=_NO_BWRAP)
    program = _filter(folder, SandboxLevel.BUBBLEWRAP)
    means = _means(SandboxLevel.BUBBLEWRAP, bwrap=os.path.realpath(bwrap), program=program)
    refused = _trial(means, folder)
    return SandboxCapabilities(unavailable_reason=f"bubblewrap does not work here: {refused}") if refused else means


def _landlock(folder: Path) -> SandboxCapabilities:
    abi = abi_version()
    if abi < SUFFICIENT_ABI:
        return SandboxCapabilities(
            unavailable_reason=_OLD_LANDLOCK.format(abi, SUFFICIENT_ABI) if abi else _NO_LANDLOCK
        )
    program = _filter(folder, SandboxLevel.LANDLOCK)
    if not program:
        return SandboxCapabilities(unavailable_reason=_NO_FILTER.format(platform.machine()))
    means = _means(SandboxLevel.LANDLOCK, program=program)
    refused = _trial(means, folder) or _leak_reason(means)
    return SandboxCapabilities(unavailable_reason=f"Landlock does not work here: {refused}") if refused else means


def _leak_reason(means: SandboxCapabilities) -> str:
    """Which ways lead out although none should, in words; empty when none does.

    Landlock is one of several parts of the kernel that have to work together, so a start alone proves too little.
    """
    try:
        ways = find_escapes(means)
    except OSError as error:
        return str(error)
    return f"a program inside {', '.join(sorted(ways))}" if ways else ""


_TRIED = {SandboxLevel.BUBBLEWRAP: _bubblewrap, SandboxLevel.LANDLOCK: _landlock}


def _means(level: SandboxLevel, *, program: str, bwrap: str = "") -> SandboxCapabilities:
    memory = max(_LEAST_MEMORY, int(_physical() * _MEMORY_SHARE))
    return SandboxCapabilities(level=level, bwrap=bwrap, filter=program, groups=cgroups.find(), memory=memory)


def _filter(folder: Path, level: SandboxLevel) -> str:
    """The file with the system call filter of a level; empty where there is none for this machine."""
    content = seccomp.program(platform.machine(), namespaces=level is SandboxLevel.BUBBLEWRAP)
    if content is None:
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{level}.bpf"
    replace_file(file, content)
    return str(file)


def _trial(means: SandboxCapabilities, folder: Path) -> str:
    """Why nothing starts in a sandbox, in its own words; empty when something does."""
    name = f"trial-{os.getpid()}"
    spec = commands.ProcessSpec(
        argv=("true",), cwd=Path("/"), env={"PATH": os.environ.get("PATH", os.defpath)}, timeout=_TRIAL_TIMEOUT,
        marker=f"{name}-{folder.name}", confinement=Confinement(means=means, run=name, workdir="/"),
    )  # fmt: skip
    try:
        ended = commands.run(spec)
    except OSError as error:
        return str(error)
    return "" if ended.ok else ended.tail.strip() or f"exit {ended.code}"


def _physical() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
