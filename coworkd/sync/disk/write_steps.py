"""Writes of several files that go on step by step, each with its own result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coworkd.store.pending_writes import PendingWrite
from coworkd.sync.disk.folder import digest


@dataclass(frozen=True, slots=True)
class Written:
    """The file now holds the new bytes."""


@dataclass(frozen=True, slots=True)
class TargetChanged:
    """The file was saved before the write, and was not replaced: it is to be read again."""


@dataclass(frozen=True, slots=True)
class ConcurrentSave:
    """The file was saved in the last instant. It holds our bytes; `AtomicWriter.recover` takes in what was saved."""


@dataclass(frozen=True, slots=True)
class WriteRefused:
    """The file system refused a step, for this reason."""

    reason: str


WriteResult = Written | TargetChanged | ConcurrentSave | WriteRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWrite:
    """Put `data` at `path` if it still holds the bytes with hash `expected` (empty: if there is no file)."""

    path: str
    expected: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedWrite:
    """A write whose bytes are on the disk, under a temporary name."""

    path: str
    expected: str
    data: bytes
    temporary: str

    @property
    def intent(self) -> PendingWrite:
        return PendingWrite(path=self.path, expected=self.expected, sha=digest(self.data), temporary=self.temporary)


Step = Callable[[PreparedWrite], WriteResult | None]
"""One step of a write; returns the result of the write where it ends there."""


class WriteSteps:
    """Carries out the steps of several writes, each by itself: what the file system refuses ends that write alone."""

    def __init__(self) -> None:
        self._results: dict[str, WriteResult] = {}

    def end(self, path: str, result: WriteResult) -> None:
        """End a write with this result."""
        self._results[path] = result

    def result(self, path: str) -> WriteResult:
        """The result of a write: one that nothing has ended is written."""
        return self._results.get(path, Written())

    def is_over(self, write: PreparedWrite) -> bool:
        """Whether nothing is left to be done about a write but to forget it."""
        return isinstance(self.result(write.path), Written | TargetChanged)

    def carry_out(self, writes: Sequence[PreparedWrite], step: Step) -> list[PreparedWrite]:
        """Carry out one step of each write; returns the writes that go on."""
        return [write for write in writes if self._carry_out_one(write, step)]

    def carry_out_once(self, writes: Sequence[PreparedWrite], step: Step) -> list[PreparedWrite]:
        """Carry out a step once, with the first of some writes, for all of them."""
        first, *others = writes
        if not self.carry_out([first], step):
            return self.carry_out(others, lambda _: self.result(first.path))
        return list(writes)

    def _carry_out_one(self, write: PreparedWrite, step: Step) -> bool:
        """Whether the write goes on after the step."""
        try:
            result = step(write)
        except OSError as error:
            # The intent stays: what was under way is repaired by `recover`, which knows whose bytes are where.
            result = refused(error)
        if result is not None:
            self.end(write.path, result)
        return result is None


def refused(error: OSError) -> WriteRefused:
    """The result of a write in which the file system refused a step."""
    return WriteRefused(f"cannot be written: {error.strerror or error}")
