"""A file system in memory: inodes, names, open descriptors, coarse times, and what power loss takes.

Names are paths relative to the workspace; the trash lies beside it under `TRASH`. Name changes go through a journal in
order: after power loss a prefix of what was not synced survives. Data survives as it was last synced. A process that
dies takes nothing with it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

TRASH = "../trash/"

GRANULARITY_NS = 10_000_000
"""Times are cut to this, as on a kernel with 100 ticks a second: within one tick two writes look alike."""


@dataclass(slots=True)
class Inode:
    number: int
    mode: int
    data: bytes = b""
    synced: bytes = b""
    mtime_ns: int = 0
    ctime_ns: int = 0
    opened: int = 0
    """Descriptors that hold it."""


@dataclass(slots=True)
class Descriptor:
    """An open file: it goes on meaning its inode, whatever becomes of the name."""

    inode: Inode


@dataclass(slots=True)
class Disk:
    """Every operation raises `OSError` as the kernel would. `changed` hears the name that an operation touched."""

    now: Callable[[], float]
    changed: Callable[[str], None]
    names: dict[str, int] = field(default_factory=dict[str, int])
    inodes: dict[int, Inode] = field(default_factory=dict[int, Inode])
    _journal: list[dict[str, int]] = field(default_factory=list[dict[str, int]])
    """The names before each change that is not synced yet, oldest first."""

    _names: int = 0

    def fresh(self) -> int:
        """A number that was not given out before."""
        self._names += 1
        return self._names

    # ---- looking

    def find(self, path: str) -> Inode | None:
        number = self.names.get(path)
        return None if number is None else self.inodes[number]

    def get(self, path: str) -> Inode:
        found = self.find(path)
        if found is None:
            raise _error(errno.ENOENT, path)
        return found

    def data(self, path: str) -> bytes | None:
        found = self.find(path)
        return None if found is None else found.data

    def paths(self) -> list[str]:
        """Names within the workspace, in order."""
        return sorted(path for path in self.names if not path.startswith(TRASH))

    # ---- data

    def create(self, path: str, data: bytes, mode: int = 0o644) -> Inode:
        """A new file. Raises when the name is taken."""
        if path in self.names:
            raise _error(errno.EEXIST, path)
        number = next(n for n in range(1, len(self.inodes) + 2) if n not in self.inodes)
        inode = self.inodes[number] = Inode(number, 0o100000 | mode)
        self._rename_journal()
        self.names[path] = number
        self.write(inode, data)
        return inode

    def write(self, inode: Inode, data: bytes) -> None:
        """New content, in place."""
        inode.data = data
        inode.mtime_ns = inode.ctime_ns = self._tick()
        self._touched(inode)

    def open(self, path: str) -> Descriptor:
        inode = self.get(path)
        inode.opened += 1
        return Descriptor(inode)

    def close(self, descriptor: Descriptor) -> None:
        descriptor.inode.opened -= 1
        self._release(descriptor.inode.number)

    def sync_data(self, inode: Inode) -> None:
        inode.synced = inode.data

    # ---- names

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, over whatever has that name."""
        inode = self.get(old)
        self._rename_journal()
        replaced = self.names.get(new)
        del self.names[old]
        self.names[new] = inode.number
        inode.ctime_ns = self._tick()
        if replaced is not None:
            self._release(replaced)
        self._tell(old, new)

    def link(self, old: str, new: str) -> None:
        inode = self.get(old)
        if new in self.names:
            raise _error(errno.EEXIST, new)
        self._rename_journal()
        self.names[new] = inode.number
        inode.ctime_ns = self._tick()
        self._tell(new)

    def exchange(self, one: str, other: str) -> None:
        first, second = self.get(one), self.get(other)
        self._rename_journal()
        self.names[one], self.names[other] = second.number, first.number
        first.ctime_ns = second.ctime_ns = self._tick()
        self._tell(one, other)

    def unlink(self, path: str) -> None:
        inode = self.get(path)
        self._rename_journal()
        del self.names[path]
        inode.ctime_ns = self._tick()
        self._release(inode.number)
        self._tell(path)

    def sync_names(self) -> None:
        """Every change of a name so far survives power loss."""
        self._journal.clear()
        for number in list(self.inodes):
            self._release(number)

    def sync(self) -> None:
        """Everything so far survives power loss: another tool has synced, or time has passed."""
        self.sync_names()
        for inode in self.inodes.values():
            self.sync_data(inode)

    # ---- what goes wrong

    def lose_power(self, chance: Random) -> None:
        """What was not synced is lost, from the end: some of the last changes of names, all unsynced data."""
        if self._journal and (kept := chance.randint(0, len(self._journal))) < len(self._journal):
            self.names = self._journal[kept]
        self._journal.clear()
        for inode in list(self.inodes.values()):
            inode.data, inode.opened = inode.synced, 0
            self._release(inode.number)

    # ---- inside

    def _tick(self) -> int:
        return int(self.now() * 1e9) // GRANULARITY_NS * GRANULARITY_NS

    def _rename_journal(self) -> None:
        self._journal.append(dict(self.names))

    def _release(self, number: int) -> None:
        """Free an inode that nothing refers to; its number is given out again at once."""
        inode = self.inodes.get(number)
        if inode is None or inode.opened or number in self.names.values():
            return
        if not any(number in names.values() for names in self._journal):
            del self.inodes[number]

    def _touched(self, inode: Inode) -> None:
        self._tell(*(path for path, number in self.names.items() if number == inode.number))

    def _tell(self, *paths: str) -> None:
        for path in paths:
            if not path.startswith(TRASH):
                self.changed(path)


def _error(code: int, path: str) -> OSError:
    return OSError(code, os.strerror(code), path)
