"""Control groups: one for all processes of a run, where this machine lets us make some.

Version 1 has a tree for each kind of limit, version 2 one for all. What is not allowed or not there is left out; the
limits of `bubblewrap`'s shell hold in any case.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from coworkd.system.sandbox.policy import ResourceLimits, SandboxCapabilities

_ROOT = Path("/sys/fs/cgroup")
_NAME = "coworkd-{}"
_OURS = Path("/proc/self/cgroup")


def find() -> tuple[str, ...]:
    """The folders in which groups can be made and joined, tried out."""
    return tuple(str(folder) for folder in _candidates() if _works(folder))


def _candidates() -> Iterator[Path]:
    try:
        lines = _OURS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds in ("memory", "pids"):
            yield _ROOT / kinds / path.lstrip("/")
        elif not kinds and (_ROOT / "cgroup.controllers").exists():
            # Beside our own group: one that has processes in it cannot have groups with limits below.
            own = _ROOT / path.lstrip("/")
            yield own.parent if own != _ROOT else own


def _works(folder: Path) -> bool:
    # A name of its own: another thread may look at the same time, and a sandbox be in use.
    probe = folder / _NAME.format(f"probe-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        probe.mkdir()
    except OSError:
        return False
    try:
        return bool(_limits(probe, ResourceLimits(), 1 << 30)) and os.access(probe / "cgroup.procs", os.W_OK)
    finally:
        with suppress(OSError):
            probe.rmdir()


def join(means: SandboxCapabilities, run: str, limits: ResourceLimits) -> tuple[str, ...]:
    """Make the groups of a run where they are not there yet; the files by which a process joins them."""
    joins: list[str] = []
    for group in _groups(means, run):
        group.mkdir(exist_ok=True)
        for name, value in _limits(group, limits, means.memory).items():
            (group / name).write_text(value)
        joins.append(str(group / "cgroup.procs"))
    return tuple(joins)


def leave(means: SandboxCapabilities, run: str) -> None:
    """Remove the groups of a run; those with processes in them stay."""
    for group in _groups(means, run):
        with suppress(OSError):
            group.rmdir()


def remove_abandoned(before: float, folders: Iterable[str] | None = None) -> int:
    """Remove the groups of runs whose supervisor was killed before it could: made before a time, and empty.

    Returns how many. A group that is still needed has processes, which the kernel does not let go of.
    """
    removed = 0
    for folder in find() if folders is None else folders:
        for group in Path(folder).glob(_NAME.format("*")):
            with suppress(OSError):
                if group.stat().st_mtime < before:
                    group.rmdir()
                    removed += 1
    return removed


def _groups(means: SandboxCapabilities, run: str) -> list[Path]:
    name = _NAME.format("".join(c if c.isalnum() or c in "-_." else "-" for c in run))
    return [Path(folder, name) for folder in means.groups]


def _limits(group: Path, limits: ResourceLimits, memory: int) -> Mapping[str, str]:
    """File and content of each limit that this group knows."""
    known = {
        "memory.limit_in_bytes": str(memory),
        "memory.memsw.limit_in_bytes": str(memory),
        "memory.max": str(memory),
        "memory.swap.max": "0",
        "pids.max": str(limits.processes),
    }
    return {name: value for name, value in known.items() if (group / name).exists()}
