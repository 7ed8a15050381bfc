"""Commits and trees as values, parsed from the bytes that git stores, and a bounded memory of those bytes.

An object never changes under its id, so that what was read once need not be read again.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from coworkd.core.errors import RepoError

MEMORY_SIZE = 16_000_000
"""Bytes of commits and trees that are remembered of a repository."""
_LARGEST = 1_000_000
"""Bytes of one object; larger ones are read again each time."""
_OVERHEAD = 200
"""Bytes that an object takes beside its content, about."""
_TIME = re.compile(rb"^committer .*> (?P<time>\d+) [+-]\d+$", re.MULTILINE)


@dataclass(frozen=True)
class CommitObject:
    """A commit; `content` is as git stores it."""

    tree: str
    parents: tuple[str, ...]
    content: bytes

    @property
    def said(self) -> bytes:
        """Its message, and who wrote it."""
        head, _, message = self.content.partition(b"\n\n")
        return b"\n".join([message, *(line for line in head.split(b"\n") if line.startswith(b"author "))])

    @cached_property
    def time(self) -> int:
        """When it was committed, in seconds since 1970; 0 where it does not say so."""
        found = _TIME.search(self.content.partition(b"\n\n")[0])
        return int(found["time"]) if found else 0


class TreeItem(NamedTuple):
    """One entry of one tree: a tuple, because there are as many as a repository has files."""

    mode: str
    """Six digits, as git prints it."""
    object_id: str
    name: str
    """Within its tree."""


FOLDER = "040000"
"""The mode of a tree within a tree."""


def is_commit(content: bytes) -> bool:
    """Whether the bytes are those of a commit, and not of a tree, whose entries begin with a number."""
    return content.startswith(b"tree ")


def parse_commit(content: bytes) -> CommitObject:
    """RepoError for what is no commit."""
    lines = iter(content.split(b"\n"))
    word, _, tree = next(lines).partition(b" ")
    if word != b"tree":
        raise RepoError("git stores something as a commit that is none")
    parents: list[str] = []
    for line in lines:
        word, _, name = line.partition(b" ")
        if word != b"parent":
            break
        parents.append(name.decode("ascii", "replace"))
    return CommitObject(tree.decode("ascii", "replace"), tuple(parents), content)


def parse_tree(content: bytes, object_format: str) -> list[TreeItem]:
    """The entries in git's order. RepoError for what is no tree."""
    return [_item(entry) for entry in _raw_entries(content, object_format)]


def unequal_items(old: bytes, new: bytes, object_format: str) -> list[tuple[str, TreeItem | None, TreeItem | None]]:
    """The entries in which two trees differ, by name: on each side, None where there is none. RepoError for no tree.

    Entries are compared as git stores them, and only those that differ are decoded: most of them do not.
    """
    before, after = (set(_raw_entries(content, object_format)) for content in (old, new))
    gone, come = ({_name(entry): _item(entry) for entry in side} for side in (before - after, after - before))
    return [(name, gone.get(name), come.get(name)) for name in gone | come]


_RawEntry = tuple[bytes, bytes, bytes]
"""Mode, name and object id, as they stand in a tree."""
_ENTRY = rb"([0-7]{5,6}) ([^\0]+)\0(.{%d})"
_PATTERNS = {
    object_format: (re.compile(b"(?:" + _ENTRY % size + b")*", re.DOTALL), re.compile(_ENTRY % size, re.DOTALL))
    for object_format, size in (("sha1", 20), ("sha256", 32))
}
"""By object format: what a whole tree matches, and one entry of it."""


def _raw_entries(content: bytes, object_format: str) -> list[_RawEntry]:
    whole, entry = _PATTERNS["sha256" if object_format == "sha256" else "sha1"]
    if not whole.fullmatch(content):
        raise RepoError("git stores something as a tree that is none")
    return entry.findall(content)


def _item(entry: _RawEntry) -> TreeItem:
    mode, _, object_id = entry
    return TreeItem(mode.decode("ascii").rjust(6, "0"), object_id.hex(), _name(entry))


def _name(entry: _RawEntry) -> str:
    return os.fsdecode(entry[1])


class ObjectMemory:
    """Bytes by a name that never stands for others, the least recently used ones forgotten; for every thread.

    Such names are object ids, questions whose answer follows from the ids in them, and files with their versions.
    """

    def __init__(self, size: int = MEMORY_SIZE) -> None:
        self._size = size
        self._used = 0
        self._lock = threading.Lock()
        self._contents: OrderedDict[str, bytes] = OrderedDict()

    def get(self, object_id: str) -> bytes | None:
        with self._lock:
            content = self._contents.get(object_id)
            if content is not None:
                self._contents.move_to_end(object_id)
            return content

    def add(self, contents: Mapping[str, bytes]) -> None:
        with self._lock:
            for object_id, content in contents.items():
                if len(content) <= _LARGEST:
                    before = self._contents.pop(object_id, None)
                    self._contents[object_id] = content
                    self._used += len(content) + _OVERHEAD - (len(before) + _OVERHEAD if before is not None else 0)
            while self._used > self._size and self._contents:
                self._used -= len(self._contents.popitem(last=False)[1]) + _OVERHEAD

    def clear(self) -> None:
        with self._lock:
            self._contents.clear()
            self._used = 0
