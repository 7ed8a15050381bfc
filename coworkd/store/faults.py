"""Errors of SQLite that are faults of the machine: a full disk, a lock of another program, a damaged file."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from coworkd.core.machine_faults import FaultKind, MachineFault, MachineFaultError, fault_of

DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_KINDS = {
    sqlite3.SQLITE_FULL: FaultKind.DISK_FULL,
    sqlite3.SQLITE_BUSY: FaultKind.DATABASE_LOCKED,
    sqlite3.SQLITE_LOCKED: FaultKind.DATABASE_LOCKED,
    sqlite3.SQLITE_PROTOCOL: FaultKind.DATABASE_LOCKED,
    sqlite3.SQLITE_CORRUPT: FaultKind.DATABASE_DAMAGED,
    sqlite3.SQLITE_NOTADB: FaultKind.DATABASE_DAMAGED,
    sqlite3.SQLITE_READONLY: FaultKind.READ_ONLY,
    sqlite3.SQLITE_PERM: FaultKind.NO_PERMISSION,
    sqlite3.SQLITE_AUTH: FaultKind.NO_PERMISSION,
    sqlite3.SQLITE_CANTOPEN: FaultKind.INPUT_OUTPUT,
    sqlite3.SQLITE_IOERR: FaultKind.INPUT_OUTPUT,
    sqlite3.SQLITE_NOMEM: FaultKind.PROCESSES,
}
"""By SQLite's primary code. Every other error is a bug in a statement."""

_READONLY_MOVED = sqlite3.SQLITE_READONLY_DBMOVED


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file is no database, or not a whole one."""
    return _primary(error) in DAMAGED


def raise_fault(error: sqlite3.Error, path: str) -> None:
    """Raise what SQLite reports of the machine as `MachineFaultError`; return where it is a bug of the caller."""
    kind = _KINDS.get(_primary(error))
    if kind is None:
        return
    if _code(error) == _READONLY_MOVED:
        kind = FaultKind.DATABASE_REPLACED
    found = _closer_look(path, str(error)) if kind is FaultKind.INPUT_OUTPUT else None
    raise MachineFaultError(found or MachineFault(kind=kind, path=path, detail=str(error))) from error


def _closer_look(path: str, detail: str) -> MachineFault | None:
    """SQLite keeps the error number of the system to itself: see what the system says of the same file."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        if not os.statvfs(Path(path).parent).f_bavail:
            return MachineFault(kind=FaultKind.DISK_FULL, path=path, detail=detail)
    except OSError as error:
        return fault_of(error)
    return None


def _code(error: sqlite3.Error) -> int:
    """SQLite's extended code; what is raised by Python's own checks has none."""
    return getattr(error, "sqlite_errorcode", 0) or 0


def _primary(error: sqlite3.Error) -> int:
    return _code(error) & 0xFF
