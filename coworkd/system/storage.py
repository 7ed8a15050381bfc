"""Whether a folder can be written into: asked before work that needs it begins, and after work failed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from coworkd.core.machine_faults import FaultKind, MachineFault, fault_of

LEAST_FREE = 1024 * 1024
"""Bytes; with less than this left, what failed has failed for want of space: half of it may be free again by now."""


def storage_fault(folder: Path) -> MachineFault | None:
    """What keeps files from being made in a folder, or in the nearest one above it that there is; None: nothing."""
    there = next((path for path in (folder, *folder.parents) if path.is_dir()), Path("/"))
    try:
        found = os.statvfs(there)
    except OSError as error:
        return fault_of(error)
    if found.f_flag & os.ST_RDONLY:
        return _fault(FaultKind.READ_ONLY, there, errno.EROFS)
    if not os.access(there, os.W_OK | os.X_OK):
        return _fault(FaultKind.NO_PERMISSION, there, errno.EACCES)
    if found.f_bavail * found.f_frsize < LEAST_FREE or (found.f_files and not found.f_favail):
        return _fault(FaultKind.DISK_FULL, there, errno.ENOSPC)
    return None


def _fault(kind: FaultKind, folder: Path, code: int) -> MachineFault:
    return MachineFault(kind=kind, path=str(folder), detail=os.strerror(code))
