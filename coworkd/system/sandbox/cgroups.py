"""Control groups: one for all processes of a run, where this machine lets us make some.

Version 1 has a tree for each kind of limit, version 2 one for all. What is not allowed or not there is left out; the
limits of `bubblewrap`'s shell hold in any case.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
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
        held = hold(probe)
    except OSError:
        return False
    try:
        return bool(_limits(probe, ResourceLimits(), 1 << 30)) and os.access(probe / "cgroup.procs", os.W_OK)
    finally:
        held.leave()


@dataclass(frozen=True, slots=True)
class HeldGroup:
    """A group that is not removed until `leave` is called, or until this process ends."""

    folder: Path
    _descriptor: int

    def leave(self) -> None:
        """Give it up, and remove it unless others hold it or processes are in it. Call it once."""
        try:
            _remove_unheld(self.folder, self._descriptor)
        finally:
            os.close(self._descriptor)


def hold(folder: Path) -> HeldGroup:
    """Make a group where it is not there yet, and keep it from being removed. Raises `OSError`."""
    while True:
        # `Path.mkdir(exist_ok=True)` raises where the folder that was in its way is gone a moment later.
        with suppress(FileExistsError):
            folder.mkdir()
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # another who held it has removed it in between
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if _is_at(folder, descriptor):
            return HeldGroup(folder, descriptor)
        os.close(descriptor)


def _is_at(folder: Path, descriptor: int) -> bool:
    """Whether the open folder is still the one of this name."""
    try:
        found = os.stat(folder)
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(descriptor))


def _remove_unheld(folder: Path, descriptor: int) -> bool:
    """Remove an open group that is held by no other and has no processes; whether that was so."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder.rmdir()
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class RunGroups:
    """The groups of a run, held for one of its commands."""

    joins: tuple[str, ...]
    """The files by which a process joins them."""
    _held: tuple[HeldGroup, ...]

    def leave(self) -> None:
        """The command is over; the last one removes the groups. Call it once."""
        for group in self._held:
            group.leave()


def join(means: SandboxCapabilities, run: str, limits: ResourceLimits) -> RunGroups:
    """Hold the groups of a run, made and limited where they are not yet. Raises `OSError`."""
    with ExitStack() as failed:
        held: list[HeldGroup] = []
        for folder in _groups(means, run):
            group = hold(folder)
            failed.callback(group.leave)
            held.append(group)
            for name, value in _limits(folder, limits, means.memory).items():
                (folder / name).write_text(value)
        failed.pop_all()
    return RunGroups(tuple(str(group.folder / "cgroup.procs") for group in held), tuple(held))


def remove_abandoned(folders: Iterable[str] | None = None) -> int:
    """Remove the groups whose holder was killed before it could, and that are empty. Returns how many.

    Whether one is held is asked of the kernel, not of a clock: one that was just made, and that no process has joined
    yet, may be another daemon's.
    """
    groups = [
        group for folder in (find() if folders is None else folders) for group in Path(folder).glob(_NAME.format("*"))
    ]
    return sum(_remove_abandoned(group) for group in groups)


def _remove_abandoned(group: Path) -> bool:
    try:
        descriptor = os.open(group, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _remove_unheld(group, descriptor)
    finally:
        os.close(descriptor)


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
