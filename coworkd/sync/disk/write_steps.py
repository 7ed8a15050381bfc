"""Writes of several files that go on step by step, and what each of them comes to."""

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
    """The file was saved first; nothing of that was replaced. Look again."""


@dataclass(frozen=True, slots=True)
class ConcurrentSave:
    """The file was saved in the last instant. It holds our bytes, and what was saved waits in `recover`."""


@dataclass(frozen=True, slots=True)
class WriteRefused:
    """The file system said no."""

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
"""One step of a write; returns what it came to where that was its last."""


class WriteSteps:
    """Carries out the steps of several writes, each by itself: what the file system refuses ends that write alone."""

    def __init__(self) -> None:
        self._results: dict[str, WriteResult] = {}

    def end(self, path: str, result: WriteResult) -> None:
        """This is what became of a write."""
        self._results[path] = result

    def result(self, path: str) -> WriteResult:
        """What became of a write: one that nothing has ended is written."""
        return self._results.get(path, Written())

    def is_over(self, write: PreparedWrite) -> bool:
        """Whether nothing is left to be done about a write but to forget it."""
        return isinstance(self.result(write.path), Written | TargetChanged)

    def step(self, writes: Sequence[PreparedWrite], carry_out: Step) -> list[PreparedWrite]:
        """Carry out one step of each; returns the writes that go on."""
        return [write for write in writes if self._goes_on(write, carry_out)]

    def together(self, writes: Sequence[PreparedWrite], carry_out: Step) -> list[PreparedWrite]:
        """Carry out a step once, with the first of some writes, for all of them."""
        first, *others = writes
        if not self.step([first], carry_out):
            return self.step(others, lambda _: self.result(first.path))
        return list(writes)

    def _goes_on(self, write: PreparedWrite, carry_out: Step) -> bool:
        try:
            result = carry_out(write)
        except OSError as error:
            # The intent stays: what was under way is looked at by `recover`, which knows whose bytes are where.
            result = refused(error)
        if result is not None:
            self.end(write.path, result)
        return result is None


def refused(error: OSError) -> WriteRefused:
    """What a step that the file system refused comes to."""
    return WriteRefused(f"cannot be written: {error.strerror or error}")
