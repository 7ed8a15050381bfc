"""How a slot looked when it had been emptied: the next start sees without git that nothing was done in it since.

STATE/slots/N/emptied.json    written last; absent while the slot is in use
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from coworkd.slots.private_repo import PrivateRepo
from coworkd.system.boot_identity import boot_identity
from coworkd.system.durable_files import replace_file
from coworkd.system.git.file_versions import SETTLING


@dataclass(frozen=True, slots=True, kw_only=True)
class _EmptiedState:
    """The files of an emptied slot."""

    base: str
    """The commit whose files these are."""
    boot: str
    """A machine that lost its power may have lost what files held, and not when they were written."""
    fresh_since: int
    """In nanoseconds: what was changed later may be changed once more at the same time, so that its content counts."""
    digest: str


def record_emptied(private: PrivateRepo, base: str) -> None:
    """Write down that the slot holds the files of `base` and nothing else. Only when nothing runs there."""
    since = time.time_ns() - SETTLING
    state = _EmptiedState(base=base, boot=boot_identity(), fresh_since=since, digest=_digest(private.work, since))
    replace_file(_place(private), json.dumps(asdict(state)).encode())


def untouched_base(private: PrivateRepo) -> str:
    """The commit whose files an emptied slot holds; empty where it is in use, or anything in it was touched since."""
    with suppress(OSError, ValueError, TypeError):
        found = _EmptiedState(**json.loads(_place(private).read_bytes()))
        if found.boot == boot_identity() and found.digest == _digest(private.work, found.fresh_since):
            return found.base
    return ""


def forget_emptied(private: PrivateRepo) -> None:
    """The slot is put to use."""
    _place(private).unlink(missing_ok=True)


def _place(private: PrivateRepo) -> Path:
    return private.folder / "emptied.json"


def _digest(work: Path, fresh_since: int) -> str:
    """Of all files and folders, `.git` included, as the file system describes them."""
    found = hashlib.sha256()
    for path, one in _entries(str(work)):
        about = (path, one.st_mode, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns)
        content = _content(path, one.st_mode) if one.st_ctime_ns >= fresh_since else b""
        found.update(repr((about, hashlib.sha256(content).digest() if content else b"")).encode())
    return found.hexdigest()


def _entries(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    yield folder, os.lstat(folder)
    with os.scandir(folder) as listed:
        entries = sorted(listed, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path)
        else:
            yield entry.path, entry.stat(follow_symlinks=False)


def _content(path: str, mode: int) -> bytes:
    if stat.S_ISLNK(mode):
        return os.fsencode(os.readlink(path))
    return Path(path).read_bytes() if stat.S_ISREG(mode) else b""
