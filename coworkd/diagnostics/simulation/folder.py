"""The daemon's view of the simulated disk: the same port, and the same promises, as the real folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from coworkd.diagnostics.simulation.disk import TRASH, Disk, Inode
from coworkd.diagnostics.simulation.faults import Faults
from coworkd.sync.disk.folder import (
    MAX_BYTES,
    ChangedWhileReading,
    Content,
    FileStat,
    Missing,
    NotReadable,
    ReadResult,
    digest,
)


class SimFolder:
    """Files of a simulated disk, with a fault or a rival possible at each step.

    `took` hears the bytes that a step of the daemon displaces, and `note` every step that was carried out.
    """

    def __init__(self, disk: Disk, faults: Faults, took: Callable[[bytes], None], note: Callable[[str], None]) -> None:
        self.disk = disk
        self._faults = faults
        self._took = took
        self._note = note

    # ---- looking

    def exists(self) -> bool:
        return True

    def walk(self, below: str = "") -> Iterator[tuple[str, FileStat]]:
        for path in self.disk.paths():
            inode = self.disk.find(path) if path.startswith(below) else None
            if inode is not None and not any(part.startswith(".") for part in path.split("/")[:-1]):
                yield path, _stat(inode)

    def stat(self, path: str) -> FileStat | None:
        found = self.disk.find(path)
        return None if found is None else _stat(found)

    def read(self, path: str) -> ReadResult:
        before = self.disk.find(path)
        if before is None:
            return Missing()
        seen = _stat(before)
        if seen.size > MAX_BYTES:
            return NotReadable("is too large")
        try:
            self._faults.step(refusable=True)
        except OSError as error:
            return NotReadable(f"cannot be read: {error.strerror}; correct its permissions")
        data = before.data
        if self.disk.find(path) is not before or _stat(before) != seen:
            return ChangedWhileReading()
        return Content(data, seen)

    # ---- the steps of a write

    def write_temporary(self, path: str, data: bytes, mode: int) -> str:
        self._step()
        folder, name = PurePosixPath(path).parent, PurePosixPath(path).name
        temporary = f"{folder}/.{name}.{self.disk.fresh():08x}~"
        inode = self.disk.create(temporary, b"", mode)
        try:
            self._step()
            self.disk.write(inode, data)
            self._step()
            self.disk.sync_data(inode)
        except OSError:
            self.disk.unlink(temporary)
            raise
        self._note(f"temporary {path} {digest(data)[:12]}")
        return temporary

    def move_into_place(self, temporary: str, path: str) -> bool:
        self._step()
        try:
            self.disk.link(temporary, path)
        except FileExistsError:
            self._note(f"move_into_place {path} taken")
            return False
        self._step()
        self.disk.unlink(temporary)
        self._note(f"move_into_place {path}")
        return True

    def exchange(self, temporary: str, path: str) -> bool:
        self._step()
        displaced = self.disk.find(path)
        if displaced is None:
            self._note(f"exchange {path} gone")
            return False
        self.disk.exchange(temporary, path)
        self._took(displaced.data)
        self._note(f"exchange {path} {digest(displaced.data)[:12]}")
        return True

    def discard(self, path: str) -> None:
        self._step()
        found = self.disk.find(path)
        if found is not None:
            self._took(found.data)
            self.disk.unlink(path)
            self._note(f"discard {path}")

    def sync(self, path: str) -> None:
        self._step()
        self.disk.sync_names()
        self._note(f"sync {path}")

    def move_to_trash(self, temporary: str, name: str) -> None:
        self._step()
        self.disk.rename(temporary, TRASH + name)
        self._note(f"move_to_trash {name}")

    def read_trashed(self, name: str) -> bytes | None:
        return self.disk.data(TRASH + name)

    def publish(self, path: str, data: bytes) -> None:
        self._step()
        if path in self.disk.names:
            self.disk.unlink(path)
        self.disk.create(path, data)
        self._note(f"publish {path}")

    def _step(self) -> None:
        self._faults.step(refusable=True)


class Blind(SimFolder):
    """A control: what an exchange displaced is not looked at, and counts as what was expected."""

    def __init__(self, disk: Disk, faults: Faults, took: Callable[[bytes], None], note: Callable[[str], None]) -> None:
        super().__init__(disk, faults, took, note)
        self._expected: dict[str, Content] = {}

    def write_temporary(self, path: str, data: bytes, mode: int) -> str:
        seen = super().read(path)
        temporary = super().write_temporary(path, data, mode)
        if isinstance(seen, Content):
            self._expected[temporary] = seen
        return temporary

    def read(self, path: str) -> ReadResult:
        return self._expected.get(path) or super().read(path)


class Unchecked(Blind):
    """A control: the last look before the exchange is left out as well."""

    def __init__(self, disk: Disk, faults: Faults, took: Callable[[bytes], None], note: Callable[[str], None]) -> None:
        super().__init__(disk, faults, took, note)
        self._writing: dict[str, Content] = {}

    def write_temporary(self, path: str, data: bytes, mode: int) -> str:
        seen = super().read(path)
        temporary = super().write_temporary(path, data, mode)
        if isinstance(seen, Content):
            self._writing[path] = seen
        return temporary

    def exchange(self, temporary: str, path: str) -> bool:
        self._writing.pop(path, None)
        return super().exchange(temporary, path)

    def read(self, path: str) -> ReadResult:
        return self._writing.get(path) or super().read(path)


class Antedated(SimFolder):
    """A control: every file looks long settled, so that one changed twice within a tick is not looked at again."""

    def walk(self, below: str = "") -> Iterator[tuple[str, FileStat]]:
        return ((path, _older(found)) for path, found in super().walk(below))

    def stat(self, path: str) -> FileStat | None:
        found = super().stat(path)
        return None if found is None else _older(found)

    def read(self, path: str) -> ReadResult:
        found = super().read(path)
        return Content(found.data, _older(found.stat)) if isinstance(found, Content) else found


_AGE_NS = 1_000_000_000


def _older(found: FileStat) -> FileStat:
    return FileStat(found.mtime_ns - _AGE_NS, found.ctime_ns - _AGE_NS, found.size, found.inode, found.mode)


def _stat(inode: Inode) -> FileStat:
    return FileStat(inode.mtime_ns, inode.ctime_ns, len(inode.data), inode.number, inode.mode)


REFUSALS = (errno.ENOSPC, errno.EIO, errno.EMFILE, errno.EACCES, errno.EXDEV, errno.EROFS)
"""What the file system may answer to a step of the daemon."""


def refusal(code: int) -> str:
    return errno.errorcode.get(code, os.strerror(code))
