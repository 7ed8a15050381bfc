"""Names for what files of git's hold, without reading them: what was found out holds while the name is the same."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

SETTLING = 100_000_000
"""Nanoseconds: file systems date what happens within some milliseconds alike, so that a file which has just been
written may be written once more without another date."""


def settled_version(files: Iterable[Path]) -> str | None:
    """Another one when one of these files or folders was written or replaced; None where that would not be seen yet."""
    found = [_version(file) for file in files]
    latest = max((changed for _, changed, _ in found), default=0)
    return None if latest > time.time_ns() - SETTLING else repr(found)


def settled_versions_in(folder: Path) -> dict[str, str | None]:
    """`settled_version` of each file in a folder, by its name; a folder that is missing has none."""
    found: dict[str, str | None] = {}
    latest = time.time_ns() - SETTLING
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                stat = entry.stat()
                version = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
                found[entry.name] = None if stat.st_mtime_ns > latest else repr(version)
    return found


def _version(file: Path) -> tuple[int, int, int]:
    with suppress(OSError):
        stat = os.stat(file)
        return (stat.st_ino, stat.st_mtime_ns, stat.st_size)
    return (0, 0, 0)
