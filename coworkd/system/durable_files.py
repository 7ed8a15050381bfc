"""Files that are replaced or made in one step: a reader finds the old content or the new one, never a part.

Content goes into a hidden file beside the target, which then takes its name. The one place that does this; `sync.disk`
builds the compare-and-swap of documents upon the same steps, and `store`, a layer below, writes its one counter itself.
"""

from __future__ import annotations

import errno
import json
import os
from contextlib import suppress
from pathlib import Path

from coworkd.core.file_names import foreign_token, temporary_name

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def replace_file(
    path: str | Path,
    data: bytes,
    *,
    mode: int | None = None,
    durable: bool = False,
    sync_name: bool = True,
    folder: int | None = None,
) -> None:
    """Write a file in one step; a link at `path` is replaced, not followed. Raises OSError, and leaves no other file.

    `mode`: its permissions; None: those of any new file. `durable`: it survives power loss once this returns;
    without `sync_name`, once the name of any file in its folder is synced.
    `folder`: the descriptor of the folder that `path` is relative to.
    """
    temporary = _write_beside(path, data, mode, durable, folder)
    try:
        os.rename(temporary, path, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        _discard(temporary, folder)
        raise
    if durable and sync_name:
        sync_folder(Path(path).parent, folder)


def create_file(path: Path, data: bytes, *, mode: int | None = None) -> bool:
    """Make a file with all its content at once; False where there is one. Raises OSError, also without hard links."""
    temporary = _write_beside(path, data, mode, durable=False, folder=None)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        _discard(temporary, None)
    return True


def write_json(path: Path, content: object, *, sync_name: bool = True) -> None:
    """Replace `path` by `content`, durably before this returns; `sync_name` as in `replace_file`."""
    replace_file(path, json.dumps(content).encode(), durable=True, sync_name=sync_name)


# ---- the steps


def write_new(
    path: str | Path, data: bytes, *, mode: int | None = None, durable: bool = False, folder: int | None = None
) -> None:
    """Write a file that must not exist yet, not in one step: for a name that is used by nothing else.

    Raises OSError, also where not all bytes were kept; what was written by then stays for the caller to remove.
    """
    descriptor = os.open(path, _NEW, 0o666 if mode is None else mode, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as file:
        if mode is not None:
            os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        if durable:
            os.fsync(descriptor)
        if (size := os.fstat(descriptor).st_size) != len(data):
            raise OSError(errno.EIO, f"{size} of {len(data)} bytes were kept")


def sync_folder(path: Path, folder: int | None = None) -> None:
    """Make the names in a folder survive power loss."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_beside(path: str | Path, data: bytes, mode: int | None, durable: bool, folder: int | None) -> str:
    parent, name = os.path.split(path)
    temporary = os.path.join(parent, temporary_name(name, foreign_token()))
    try:
        write_new(temporary, data, mode=mode, durable=durable, folder=folder)
    except OSError:
        _discard(temporary, folder)
        raise
    return temporary


def _discard(temporary: str, folder: int | None) -> None:
    with suppress(OSError):
        os.unlink(temporary, dir_fd=folder)
