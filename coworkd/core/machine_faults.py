"""Failures of this machine, as opposed to bugs and to mistakes of users: full disks, missing rights, locked databases.

Pure. The gateways (store, files, processes, git) raise `MachineFaultError` or `OSError`; the main loop makes a
`MachineFault` of either, reports it and tries again later. What is not a fault of the machine is a bug, and ends the
daemon.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, replace
from enum import StrEnum

from coworkd.core.errors import CoworkError, RepoError, printable


class FaultKind(StrEnum):
    """What is wrong with the machine."""

    DISK_FULL = "disk full"
    READ_ONLY = "read-only file system"
    NO_PERMISSION = "no permission"
    MISSING = "file missing"
    OPEN_FILES = "too many open files"
    PROCESSES = "too many processes"
    INPUT_OUTPUT = "input/output error"
    DATABASE_LOCKED = "database locked"
    DATABASE_DAMAGED = "database damaged"
    DATABASE_REPLACED = "database replaced"
    GIT = "git"


MACHINE_ONLY_KINDS = frozenset(
    {
        FaultKind.DISK_FULL,
        FaultKind.READ_ONLY,
        FaultKind.OPEN_FILES,
        FaultKind.PROCESSES,
        FaultKind.INPUT_OUTPUT,
    }
)
"""Kinds that no mistake of a program brings about; a missing file may well be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFault:
    """One such failure: its kind, its path, and the detail from the code that detected it first."""

    kind: FaultKind
    path: str
    """Of the file, folder or database that it is about; empty: not known."""
    detail: str

    def __str__(self) -> str:
        problem, advice = _TEXTS[self.kind]
        problem = problem.format(path=self.path or "a file")
        return f"{problem} ({self.detail}): {advice}" if self.detail else f"{problem}: {advice}"


class MachineFaultError(CoworkError):
    """Raised by a gateway where the machine does not let it do its work."""

    def __init__(self, fault: MachineFault) -> None:
        super().__init__(str(fault))
        self.fault = fault


_TEXTS = {
    FaultKind.DISK_FULL: ("no space is left for {path}", "free some disk space or quota"),
    FaultKind.READ_ONLY: ("{path} is on a read-only file system", "mount it writable"),
    FaultKind.NO_PERMISSION: (
        "{path} may not be read or written",
        "give the user of coworkd read and write permission",
    ),
    FaultKind.MISSING: ("{path} is missing", "put it back, or start coworkd again"),
    FaultKind.OPEN_FILES: ("too many files are open to open {path}", "raise the limit (`ulimit -n`) or close programs"),
    FaultKind.PROCESSES: (
        "no further process or thread can be started",
        "raise the limit (`ulimit -u`) or free memory",
    ),
    FaultKind.INPUT_OUTPUT: ("{path} cannot be read or written", "check the disk and the system log (`dmesg`)"),
    FaultKind.DATABASE_LOCKED: ("another program holds the database {path}", "close the program that has it open"),
    FaultKind.DATABASE_DAMAGED: ("the database {path} is damaged", "it is set aside and rebuilt from the files"),
    FaultKind.DATABASE_REPLACED: ("the database {path} was deleted or replaced", "it is opened again"),
    FaultKind.GIT: ("git failed", "look at the repository with `git status` and `git fsck`"),
}
"""What is wrong, and what to do about it."""

_KINDS_BY_ERRNO = {
    errno.ENOSPC: FaultKind.DISK_FULL,
    errno.EDQUOT: FaultKind.DISK_FULL,
    errno.EFBIG: FaultKind.DISK_FULL,
    errno.EROFS: FaultKind.READ_ONLY,
    errno.EACCES: FaultKind.NO_PERMISSION,
    errno.EPERM: FaultKind.NO_PERMISSION,
    errno.ENOENT: FaultKind.MISSING,
    errno.ENOTDIR: FaultKind.MISSING,
    errno.ESTALE: FaultKind.MISSING,
    errno.EMFILE: FaultKind.OPEN_FILES,
    errno.ENFILE: FaultKind.OPEN_FILES,
    errno.EAGAIN: FaultKind.PROCESSES,
    errno.ENOMEM: FaultKind.PROCESSES,
    errno.EIO: FaultKind.INPUT_OUTPUT,
    errno.ENXIO: FaultKind.INPUT_OUTPUT,
    errno.ENODEV: FaultKind.INPUT_OUTPUT,
}
"""By error number; every other one stands for a bug."""


_DISK_FULL_TEXT = "No space left on device"
"""As the system says it in English, which is what every git command is asked to speak."""


def disk_full_fault(error: CoworkError) -> MachineFault | None:
    """The full disk that a failed program has reported; there may be space again by now."""
    if _DISK_FULL_TEXT not in str(error):
        return None
    return MachineFault(kind=FaultKind.DISK_FULL, path="", detail=_DISK_FULL_TEXT)


def fault_of(error: BaseException) -> MachineFault | None:
    """The fault of the machine that an exception reports; None where it is a bug or a mistake of the user."""
    match error:
        case MachineFaultError(fault=fault):
            return fault
        case OSError():
            return _fault_of_os_error(error)
        case RepoError():
            return MachineFault(kind=FaultKind.GIT, path="", detail=str(error))
        case _:
            return None


def _fault_of_os_error(error: OSError) -> MachineFault | None:
    kind = _KINDS_BY_ERRNO.get(error.errno or 0)
    if kind is None:
        return None
    path = error.filename
    named = printable(path.decode(errors="surrogateescape") if isinstance(path, bytes) else str(path or ""))
    return MachineFault(kind=kind, path=named, detail=error.strerror or "")


FIRST_PAUSE = 0.5
"""Seconds until the first new try; each further one waits twice as long."""
MAX_PAUSE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """Work that waits for the machine: why, since when, and when it is tried again."""

    fault: MachineFault
    since: float
    until: float
    pause: float = FIRST_PAUSE

    def prolonged(self, fault: MachineFault, now: float) -> Suspension:
        """It was tried and failed once more, perhaps for another reason."""
        pause = min(self.pause * 2, MAX_PAUSE)
        return Suspension(fault=fault, since=self.since, until=now + pause, pause=pause)

    def moved(self, seconds: float) -> Suspension:
        """The same after the clock was set by this."""
        return replace(self, since=self.since + seconds, until=self.until + seconds)


def first_suspension(fault: MachineFault, now: float) -> Suspension:
    """The first failure: tried again soon."""
    return Suspension(fault=fault, since=now, until=now + FIRST_PAUSE)
