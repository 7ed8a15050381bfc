"""The write protocol: bytes go over exactly the bytes the plan saw, and whatever they displace is kept.

The intent is committed before the first step and cleared with the last, so that a crash between any two is repaired by
`recover`. Nothing here compares times or skips events: our own writes are recognised by their hash alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from coworkd.store import Database
from coworkd.store.pending_writes import (
    DisplacedFile,
    PendingWrite,
    add_displaced_file,
    add_pending_write,
    any_write_pending,
    check_displaced_file_at,
    displaced_files_due,
    is_temporary_in_use,
    is_write_pending,
    next_displaced_check,
    pending_writes,
    remove_displaced_file,
    remove_pending_write,
)
from coworkd.sync.disk.folder import ASIDE, Content, Missing, ReadResult, digest
from coworkd.sync.disk.ports import Files

LATE = 10.0
"""Seconds after which a displaced file is hashed again: an editor that held it open may write into it late."""


@dataclass(frozen=True, slots=True)
class Written:
    """The file now holds the new bytes."""


@dataclass(frozen=True, slots=True)
class TargetChanged:
    """Somebody saved first; nothing of theirs was replaced. Look again."""


@dataclass(frozen=True, slots=True)
class ConcurrentSave:
    """Somebody saved in the last instant. The file holds our bytes, and theirs wait in `recover`."""


@dataclass(frozen=True, slots=True)
class WriteRefused:
    """The file system said no."""

    reason: str


TakeIn = Callable[[str, bytes], bool]
"""Takes path and bytes of a displaced save in; False: not now, it is to be offered again."""

WriteResult = Written | TargetChanged | ConcurrentSave | WriteRefused


class AtomicWriter:
    """Carries out writes of one workspace; used by the writer thread alone."""

    def __init__(self, db: Database, folder: Files) -> None:
        self._db = db
        self._folder = folder
        self._offered: dict[str, DisplacedFile] = {}
        """Displaced files that were written into late, and are offered again."""

    def write(self, path: str, expected: str, data: bytes, now: float) -> WriteResult:
        """Put `data` at `path` if it still holds the bytes with hash `expected` (empty: if there is none)."""
        try:
            return self._write(path, expected, data, now)
        except OSError as error:
            # The intent stays: what was under way is looked at by `recover`, which knows whose bytes are where.
            return WriteRefused(f"cannot be written: {error.strerror or error}")

    def _write(self, path: str, expected: str, data: bytes, now: float) -> WriteResult:
        if is_write_pending(self._db, path):
            return WriteRefused("waits until an earlier write of it can be finished")
        mode = 0o644
        if expected:
            seen = self._folder.read(path)
            if not isinstance(seen, Content) or seen.sha != expected:
                return TargetChanged()
            mode = seen.stat.mode & 0o777
        temporary = self._folder.write_temporary(path, data, mode)
        with self._db.write(durable=True):
            write = PendingWrite(path=path, expected=expected, sha=digest(data), temporary=temporary)
            add_pending_write(self._db, write, data)
        return self._exchange_into_place(path, expected, temporary, now)

    def _exchange_into_place(self, path: str, expected: str, temporary: str, now: float) -> WriteResult:
        if not expected:
            placed = self._folder.place(temporary, path)
            return self._finish(path, temporary, Written() if placed else TargetChanged())
        if not self._is_unchanged(path, expected) or not self._folder.exchange(temporary, path):
            return self._finish(path, temporary, TargetChanged())
        self._folder.sync(path)
        return self._keep_displaced(path, expected, temporary, now)

    def _is_unchanged(self, path: str, expected: str) -> bool:
        seen = self._folder.read(path)
        return isinstance(seen, Content) and seen.sha == expected

    def _keep_displaced(self, path: str, expected: str, temporary: str, now: float) -> WriteResult:
        """After the exchange the temporary name holds what was in the file: look at it before anything else."""
        if not self._is_unchanged(temporary, expected):
            # The intent stays until what was displaced has been merged.
            return ConcurrentSave()
        self._to_trash(temporary, path, expected, now)
        self._remove_pending(path)
        return Written()

    def _finish(self, path: str, temporary: str, result: WriteResult) -> WriteResult:
        if isinstance(result, Written):
            self._folder.sync(path)
        self._folder.discard(temporary)
        self._remove_pending(path)
        return result

    def _remove_pending(self, path: str) -> None:
        with self._db.write():
            remove_pending_write(self._db, path)

    # ---- what was displaced

    def _to_trash(self, temporary: str, path: str, sha: str, now: float) -> None:
        name = _trash_name(temporary, now)
        with self._db.write():
            add_displaced_file(self._db, DisplacedFile(name=name, path=path, sha=sha), now + LATE)
        self._folder.retire(temporary, name)

    def check_late_writes(self, now: float, take_in: TakeIn) -> None:
        """Offer every displaced file that was written into after it had been displaced."""
        due = {file.name: file for file in displaced_files_due(self._db, now)} | self._offered
        for file in due.values():
            self._offered.pop(file.name, None)
            self._check_late_write(file, now, take_in)

    def _check_late_write(self, file: DisplacedFile, now: float, take_in: TakeIn) -> None:
        try:
            found = self._folder.retired(file.name)
        except OSError:
            self._check_later(file, now)
            return
        if found is not None and digest(found) != file.sha and not take_in(file.path, found):
            self._offered[file.name] = file
            self._check_later(file, now)
            return
        with self._db.write():
            remove_displaced_file(self._db, file.name)

    def _check_later(self, file: DisplacedFile, now: float) -> None:
        with self._db.write():
            check_displaced_file_at(self._db, file.name, now + LATE)

    def next_check(self) -> float | None:
        return next_displaced_check(self._db)

    # ---- what a crash, a refusal or a save in between left

    def has_unfinished(self) -> bool:
        """Whether a write stands between its first step and its last."""
        return any_write_pending(self._db)

    def recover(self, now: float, take_in: TakeIn) -> None:
        """Finish or undo every unfinished write; offers the saves that were found displaced.

        What is offered is kept aside only when it was taken in, so that after a crash it is offered again. A write
        that the file system does not let finish stays for the next call.
        """
        for write in pending_writes(self._db):
            with suppress(OSError):
                self._finish_interrupted(write, now, take_in)

    def _finish_interrupted(self, write: PendingWrite, now: float, take_in: TakeIn) -> None:
        path, temporary = write.path, self._name_of_displaced(write.temporary)
        held = self._read_temporary(path, temporary, write.sha)
        if isinstance(held, Content) and held.sha == write.sha:
            self._folder.discard(temporary)
        elif not isinstance(held, Missing):
            if isinstance(held, Content) and held.sha != write.expected and not take_in(path, held.data):
                return
            self._to_trash(temporary, path, held.sha if isinstance(held, Content) else "", now)
        self._remove_pending(path)

    def _name_of_displaced(self, temporary: str) -> str:
        """An exchange by links that was cut short has left what it displaced under another name."""
        aside = temporary + ASIDE
        moved = self._folder.stat(temporary) is None and self._folder.stat(aside) is not None
        return aside if moved else temporary

    def discard_leftovers(self, temporaries: Iterable[str], now: float) -> None:
        """Move what a former process left of writes that it had not yet promised into the trash."""
        for temporary in temporaries:
            if not is_temporary_in_use(self._db, temporary.removesuffix(ASIDE)):
                with suppress(OSError):
                    self._folder.retire(temporary, _trash_name(temporary, now))

    def _read_temporary(self, path: str, temporary: str, ours: str) -> ReadResult:
        """What the temporary name holds; something displaced that is no document goes back while that is safe."""
        held = self._folder.read(temporary)
        if isinstance(held, Content | Missing) or not self._is_unchanged(path, ours):
            return held
        self._folder.exchange(temporary, path)
        return self._folder.read(temporary)


def _trash_name(temporary: str, now: float) -> str:
    """Ends with the token of the temporary name, which makes it unique; that one is short enough to be added to."""
    return f"{int(now * 1000)}-{Path(temporary).name.strip('.~-')}"
