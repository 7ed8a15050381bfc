"""Whether something in one folder has changed, told by the kernel: a descriptor to wait for, instead of looks.

A user may have about a hundred of these at a time (fs.inotify.max_user_instances): who gets none has to look instead.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

_MODIFIED, _ATTRIBUTES, _WRITTEN, _MOVED_OUT, _MOVED_IN, _CREATED, _DELETED = 2, 4, 8, 0x40, 0x80, 0x100, 0x200
_CHANGES = _MODIFIED | _ATTRIBUTES | _WRITTEN | _MOVED_OUT | _MOVED_IN | _CREATED | _DELETED
_EVENTS = 64 * 1024


class FolderEvents:
    """Readable when a file of a folder was made, written, renamed or removed since the last `clear`."""

    def __init__(self, folder: Path) -> None:
        self.fd = _watch(folder)
        """None: this system tells nothing, or has no more descriptors of this kind."""

    def clear(self) -> None:
        """To be called before the folder is looked at."""
        if self.fd is not None:
            with suppress(BlockingIOError):
                os.read(self.fd, _EVENTS)

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


def _watch(folder: Path) -> int | None:
    if not sys.platform.startswith("linux"):
        return None
    system = ctypes.CDLL(None, use_errno=True)
    fd: int = system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0:
        return None
    if system.inotify_add_watch(fd, os.fsencode(folder), _CHANGES) < 0:
        os.close(fd)
        return None
    return fd
