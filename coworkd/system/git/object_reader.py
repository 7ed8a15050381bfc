"""One `git cat-file --batch-command` kept open: git resolves names and reads objects without a process per question.

It sees what other processes write later: git looks again where it does not find something. What it does not notice by
itself is found in `CachedGitState`: another configuration, or a pack that was removed.
"""

from __future__ import annotations

import os
import re
import selectors
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from coworkd.system.git.object_stores import object_stores
from coworkd.system.git.runner import TIMEOUT, InteractiveGit, start_interactive

CAT_FILE_COMMAND = ("cat-file", "--batch-command=%(objectname) %(objecttype) %(objectsize)", "--buffer")
"""The command of git that a reader is."""
_CHUNK = 1 << 18
_BATCH_BYTES = 16_384
"""Bytes of questions asked before the first answer is read. They fit into a pipe, so that writing them never waits for
a git that waits for its answers to be read."""
_HEADER = re.compile(rb"(?P<name>[0-9a-f]{40,64}) (?P<kind>[a-z]+) (?P<size>\d+)")


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What git says of an object without its content."""

    object_id: str
    kind: str
    """`commit`, `tree`, `blob` or `tag`."""
    size: int
    """Bytes of the content."""


@dataclass(frozen=True, slots=True)
class CachedGitState:
    """What a running git does not look at again: the configuration, and the packs that it has open."""

    config: tuple[int, int, int] | None
    packs: Mapping[str, tuple[int, frozenset[str]]]
    """Folder -> time of change and the names of its packs."""

    @classmethod
    def of(cls, common_dir: Path) -> CachedGitState:
        stores = object_stores(common_dir / "objects")
        folders = (os.path.join(store, "pack") for store in stores)
        return cls(_version(common_dir / "config"), {folder: _packs(folder) for folder in folders})

    def seen_again(self, common_dir: Path) -> CachedGitState | None:
        """The state with the packs that were added since; None where git would answer otherwise if it began now."""
        if _version(common_dir / "config") != self.config:
            return None
        changed = {folder: _packs(folder) for folder, (at, _) in self.packs.items() if _modified_at(folder) != at}
        if not changed:
            return self
        if any(not self.packs[folder][1] <= names for folder, (_, names) in changed.items()):
            return None
        return CachedGitState(self.config, {**self.packs, **changed})


def _version(path: Path) -> tuple[int, int, int] | None:
    with suppress(OSError):
        found = os.stat(path)
        return (found.st_ino, found.st_mtime_ns, found.st_size)
    return None


def _modified_at(folder: str) -> int:
    with suppress(OSError):
        return os.stat(folder).st_mtime_ns
    return 0


def _packs(folder: str) -> tuple[int, frozenset[str]]:
    at = _modified_at(folder)
    with suppress(OSError):
        return at, frozenset(name for name in os.listdir(folder) if name.endswith(".pack"))
    return at, frozenset()


@dataclass(slots=True, eq=False)
class ObjectReader:
    """The process, for one thread. Every method raises OSError when it has gone, or is silent for too long."""

    git: InteractiveGit
    cached_state: CachedGitState
    _received: bytearray = field(default_factory=bytearray, init=False)

    @classmethod
    def start(cls, argv: list[str], env: Mapping[str, str], cached_state: CachedGitState) -> ObjectReader:
        """`argv` runs git in the repository with the words of `CAT_FILE_COMMAND`."""
        return cls(start_interactive(argv, env), cached_state)

    def is_current(self, common_dir: Path) -> bool:
        """Whether a git that is started now would answer the same."""
        seen = self.cached_state.seen_again(common_dir)
        self.cached_state = seen or self.cached_state
        return seen is not None

    def infos(self, expressions: Sequence[str]) -> list[ObjectInfo | None]:
        """What each expression names; None: nothing, or more than one object."""
        return [self._read_header() for _ in self._ask("info", expressions)]

    def contents(self, expressions: Sequence[str]) -> list[tuple[ObjectInfo, bytes] | None]:
        """The objects that the expressions name, whole."""
        return [self._read_object() for _ in self._ask("contents", expressions)]

    def _ask(self, command: str, expressions: Sequence[str]) -> Iterator[None]:
        """Write the questions; an answer is to be read after each step.

        Raises ValueError for an expression with a line break: it would be two questions, and every later answer wrong.
        """
        if any("\n" in expression for expression in expressions):
            raise ValueError("an expression with a line break cannot be asked")
        for batch in _batches([f"{command} ".encode() + os.fsencode(expression) + b"\n" for expression in expressions]):
            self.git.questions.write(b"".join(batch) + b"flush\n")
            self.git.questions.flush()
            yield from (None for _ in batch)

    def _read_header(self) -> ObjectInfo | None:
        while (end := self._received.find(b"\n")) < 0:
            self._receive()
        line = self._take_received(end + 1)
        found = _HEADER.fullmatch(line[:-1])
        return ObjectInfo(found["name"].decode(), found["kind"].decode(), int(found["size"])) if found else None

    def _read_object(self) -> tuple[ObjectInfo, bytes] | None:
        info = self._read_header()
        if info is None:
            return None
        while len(self._received) <= info.size:
            self._receive()
        return info, self._take_received(info.size + 1)[:-1]

    def _take_received(self, size: int) -> bytes:
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _receive(self) -> None:
        """Wait for more of the answers; what git complains of is read too, or it would wait for that."""
        deadline = time.monotonic() + TIMEOUT
        with selectors.PollSelector() as ready:
            ready.register(self.git.answers, selectors.EVENT_READ)
            ready.register(self.git.complaints, selectors.EVENT_READ)
            while events := ready.select(max(0.0, deadline - time.monotonic())):
                for key, _ in events:
                    chunk = os.read(key.fd, _CHUNK)
                    if key.fileobj is self.git.answers:
                        self._received += chunk
                        if not chunk:
                            raise BrokenPipeError("cat-file ended")
                        return
                    if not chunk:
                        ready.unregister(self.git.complaints)
        raise TimeoutError("cat-file does not answer")

    def stop(self) -> None:
        self.git.end()


def _batches(questions: Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for question in questions:
        size += len(question)
        if batch and size > _BATCH_BYTES:
            yield batch
            batch, size = [], len(question)
        batch.append(question)
    yield batch
