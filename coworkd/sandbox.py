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

from coworkd import process
from coworkd.confine import groups, seccomp
from coworkd.confine.confinement import Confinement, Means
from coworkd.model import SandboxLevel, SandboxMode

SWITCHED_OFF = "your own settings say `sandbox: {mode: off}`"
_NO_BWRAP = "bubblewrap is not installed: install the package `bubblewrap`"
_OTHER_SYSTEM = "there is a sandbox for Linux only so far"
_TRIAL_TIMEOUT = 20.0
_MEMORY_SHARE = 0.75
_LEAST_MEMORY = 1 << 30
_FILTER = "seccomp.bpf"


class Sandbox:
    """What confines the processes of one workspace; safe between threads."""

    def __init__(self, folder: Path, mode: SandboxMode | None, protected: Iterable[Path] = ()) -> None:
        """`folder` holds the filter, out of every agent's reach; `mode` is what the user's own settings say.

        `protected` is shown to nobody, whatever a file wishes.
        """
        self._folder = folder
        self._mode = mode
        self._protected = tuple(sorted({os.path.realpath(path) for path in protected}))
        self._lock = threading.Lock()
        self._means: Means | None = None

    @property
    def means(self) -> Means:
        """What works here; tried at the first question, which takes a moment."""
        with self._lock:
            if self._means is None:
                off = self._mode is SandboxMode.OFF
                found = Means(why=SWITCHED_OFF, chosen=True) if off else find(self._folder)
                self._means = replace(found, protected=self._protected)
            return self._means


def find(folder: Path) -> Means:
    """The best that this machine offers. At level `none` it says why."""
    if not sys.platform.startswith("linux"):
        return Means(why=_OTHER_SYSTEM)
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return Means(why=_NO_BWRAP)
    means = Means(
        level=SandboxLevel.BUBBLEWRAP, bwrap=os.path.realpath(bwrap), filter=_filter(folder), groups=groups.find(),
        memory=max(_LEAST_MEMORY, int(_physical() * _MEMORY_SHARE)),
    )  # fmt: skip
    refused = _trial(means, folder)
    return Means(why=f"bubblewrap does not work here: {refused}") if refused else means


def _filter(folder: Path) -> str:
    """The file with the system call filter, written anew; empty where there is none for this machine."""
    content = seccomp.program(platform.machine())
    if content is None:
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{_FILTER}.{os.getpid()}"
    draft.write_bytes(content)
    draft.replace(folder / _FILTER)
    return str(folder / _FILTER)


def _trial(means: Means, folder: Path) -> str:
    """Why nothing starts in a sandbox, in its own words; empty when something does."""
    name = f"trial-{os.getpid()}"
    spec = process.ProcessSpec(
        argv=("true",), cwd=Path("/"), env={"PATH": os.environ.get("PATH", os.defpath)}, timeout=_TRIAL_TIMEOUT,
        marker=f"{name}-{folder.name}", confinement=Confinement(means=means, run=name, workdir="/"),
    )  # fmt: skip
    try:
        ended = process.run(spec)
    except OSError as error:
        return str(error)
    return "" if ended.ok else ended.tail.strip() or f"exit {ended.code}"


def _physical() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
