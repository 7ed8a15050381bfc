"""What the kernel says of another process: whether it runs, waits, or was stopped."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

_PROC = Path("/proc")
_HAS_PROC = (_PROC / "self/stat").exists()
_STAT_BYTES = 1024
"""More than `/proc/PID/stat` holds up to the state."""


class ProcessState(StrEnum):
    """The state of a process, in the words that are shown."""

    RUNNING = "running"
    SLEEPING = "sleeping"
    UNINTERRUPTIBLE = "uninterruptible"
    STOPPED = "stopped"
    TRACED = "traced"
    ZOMBIE = "zombie"
    GONE = "gone"
    UNKNOWN = "unknown"
    """It is there, and this system does not say more."""


_LETTERS = {
    "R": ProcessState.RUNNING, "S": ProcessState.SLEEPING, "I": ProcessState.SLEEPING,
    "D": ProcessState.UNINTERRUPTIBLE, "T": ProcessState.STOPPED, "t": ProcessState.TRACED,
    "Z": ProcessState.ZOMBIE, "X": ProcessState.GONE, "x": ProcessState.GONE,
}  # fmt: skip
"""By the letter in `/proc/PID/stat`, as proc(5) has them."""

SUSPENDED = frozenset({ProcessState.STOPPED, ProcessState.TRACED})
"""States in which a process does nothing until another process acts on it. A zombie has ended: what it held is free in
a moment, whether its parent ever takes note of it or not, as the first process of many a container does not."""


def process_state(pid: int) -> ProcessState:
    """The state of a process; of one with several threads that of the first."""
    return _state_in(f"{_PROC}/{pid}/stat") if _HAS_PROC else _signalled(pid)


def is_stopped_by_signal(pid: int) -> bool:
    """Whether a process does nothing until it is sent SIGCONT."""
    return process_state(pid) is ProcessState.STOPPED


def computes(pid: int) -> bool:
    """Whether any thread of a process has, or waits for, a processor."""
    return any(_state_in(file) is ProcessState.RUNNING for file in _threads(pid))


def is_coworkd(pid: int) -> bool:
    """Whether a process is a coworkd: its number may have been given to another program since it was noted."""
    if not _HAS_PROC:
        return True
    try:
        return b"coworkd" in (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False


def read_pid_file(file: Path) -> int | None:
    """The process that wrote its number into a file, while there is a coworkd of that number."""
    try:
        pid = int(file.read_text())
    except (OSError, ValueError):
        return None
    return pid if pid > 0 and process_state(pid) is not ProcessState.GONE and is_coworkd(pid) else None


def described(pid: int, state: ProcessState) -> str:
    """What a process that does not do what it was asked is, and what to type: follows on "it is"."""
    match state:
        case ProcessState.STOPPED:
            return f"stopped: `kill -CONT {pid}` lets it go on"
        case ProcessState.TRACED:
            return f"held by a debugger (traced): end the debugger, then `kill -CONT {pid}`"
        case ProcessState.ZOMBIE:
            return "a zombie: it has ended, and its parent process has yet to take note of that"
        case ProcessState.UNINTERRUPTIBLE:
            return "uninterruptible: it waits for a disk or a network file system, and goes on when that answers"
        case ProcessState.RUNNING:
            return f"running, but busy: try again later, or `kill -KILL {pid}` and `coworkd up`, which loses nothing"
        case ProcessState.SLEEPING:
            return f"sleeping, so it is frozen or hangs: `kill -KILL {pid}`, then `coworkd up`, which loses nothing"
        case ProcessState.GONE:
            return "gone: `coworkd up` starts it"
        case ProcessState.UNKNOWN:
            return f"in a state that is not known here: `kill -CONT {pid}` lets it go on if it is stopped"


def owner(path: Path) -> str:
    """The name of the user to whom a file, or a process by its folder in /proc, belongs; empty: not known."""
    with suppress(OSError):
        uid = path.stat().st_uid
        with suppress(KeyError):
            return pwd.getpwuid(uid).pw_name
        return str(uid)
    return ""


def process_folder(pid: int) -> Path:
    return _PROC / str(pid)


def _threads(pid: int) -> Iterator[Path]:
    with suppress(OSError):
        yield from (_PROC / str(pid) / "task").glob("*/stat")


def _state_in(file: Path | str) -> ProcessState:
    try:
        # Unbuffered, for the executor asks for every worker each second.
        with open(file, "rb", buffering=0) as stat:
            text = stat.read(_STAT_BYTES).decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ProcessState.GONE
    except OSError:
        return ProcessState.UNKNOWN
    # The name in parentheses may hold anything, a parenthesis too: the letter stands behind the last one.
    return _LETTERS.get(text.rpartition(")")[2].split()[0], ProcessState.UNKNOWN)


def _signalled(pid: int) -> ProcessState:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ProcessState.GONE
    except PermissionError:
        pass
    return ProcessState.UNKNOWN
