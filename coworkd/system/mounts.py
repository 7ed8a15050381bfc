"""Mounts of this process alone: what it mounts is seen by its children, and goes with the last of them."""

from __future__ import annotations

import ctypes
import os
import sys

_CLONE_NEWNS = 0x00020000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000


def keep_mounts_apart() -> None:
    """From now on mounts of this process are seen by it and its children alone. Only the administrator can.

    For a process with one thread: another thread would keep the mounts that it has. Raises OSError.
    """
    if not sys.platform.startswith("linux"):
        raise OSError("only on Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    _require(libc.unshare(_CLONE_NEWNS))
    # Mounts are shared with the namespace they were copied from, unless that is undone for all of them.
    _require(libc.mount(b"none", b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None))


def _require(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
