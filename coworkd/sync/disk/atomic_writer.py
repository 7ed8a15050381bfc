"""The write protocol: bytes go over exactly the bytes the plan saw, and whatever they displace is kept.

The intent is committed before the first step and cleared with the last, so that a crash between any two is repaired by
`recover`. Several files are written together, step by step: the intents of all of them are one commit, and each step
ends for itself. Nothing here compares times or skips events: our own writes are recognised by their hash alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

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
from coworkd.sync.disk.folder import ASIDE_SUFFIX, Content, Missing, ReadResult, digest
from coworkd.sync.disk.ports import Files
from coworkd.sync.disk.write_steps import (
    ConcurrentSave,
    FileWrite,
    PreparedWrite,
    TargetChanged,
    WriteRefused,
    WriteResult,
    WriteSteps,
    refused,
)

LATE_WRITE_DELAY = 10.0
"""Seconds after which a displaced file is hashed again: an editor that held it open may write into it late."""


TakeIn = Callable[[str, bytes], bool]
"""Takes in a displaced save, by path and bytes; False: not now, it is to be offered again."""


class AtomicWriter:
    """Carries out writes of one workspace; used by the writer thread alone."""

    def __init__(self, db: Database, folder: Files) -> None:
        self._db = db
        self._folder = folder
        self._offered: dict[str, DisplacedFile] = {}
        """Displaced files that were written into late, and are offered again."""

    def write(self, path: str, expected: str, data: bytes, now: float) -> WriteResult:
        """Write one file."""
        return self.write_all([FileWrite(path=path, expected=expected, data=data)], now)[path]

    def write_all(
        self, writes: Sequence[FileWrite], now: float, *, with_intents: Callable[[], object] = lambda: None
    ) -> Mapping[str, WriteResult]:
        """Write files of different paths; what became of steps, by path.

        All intents are one durable transaction, to which `with_intents` may add; the names in a folder are synced once.
        """
        steps = WriteSteps()
        prepared = [ready for write in writes if (ready := self._prepare(write, steps)) is not None]
        with self._db.write(durable=True):
            with_intents()
            for write in prepared:
                add_pending_write(self._db, write.intent, write.data)
        placed = self._sync_names(steps.carry_out(prepared, self._exchange_into_place), steps)
        exchanged = [write for write in placed if write.expected]
        trashed = self._keep_displaced(steps.carry_out(exchanged, self._compare_displaced), steps, now)
        unused = [write for write in prepared if write not in exchanged and steps.is_over(write)]
        discarded = steps.carry_out(unused, lambda write: self._folder.discard(write.temporary))
        self._remove_pending(*trashed, *discarded)
        return {asked.path: steps.result(asked.path) for asked in writes}

    def _prepare(self, write: FileWrite, steps: WriteSteps) -> PreparedWrite | None:
        try:
            found = self._write_temporary(write)
        except OSError as error:
            found = refused(error)
        if isinstance(found, PreparedWrite):
            return found
        steps.end(write.path, found)
        return None

    def _write_temporary(self, write: FileWrite) -> PreparedWrite | WriteResult:
        if is_write_pending(self._db, write.path):
            return WriteRefused("waits until an earlier write of it can be finished")
        mode = 0o644
        if write.expected:
            seen = self._folder.read(write.path)
            if not isinstance(seen, Content) or seen.sha != write.expected:
                return TargetChanged()
            mode = seen.stat.mode & 0o777
        temporary = self._folder.write_temporary(write.path, write.data, mode)
        return PreparedWrite(path=write.path, expected=write.expected, data=write.data, temporary=temporary)

    def _exchange_into_place(self, write: PreparedWrite) -> WriteResult | None:
        """The step that others see: after it the file holds the new bytes."""
        if not write.expected:
            return None if self._folder.move_into_place(write.temporary, write.path) else TargetChanged()
        if not self._is_unchanged(write.path, write.expected) or not self._folder.exchange(write.temporary, write.path):
            return TargetChanged()
        return None

    def _is_unchanged(self, path: str, expected: str) -> bool:
        seen = self._folder.read(path)
        return isinstance(seen, Content) and seen.sha == expected

    def _sync_names(self, writes: Sequence[PreparedWrite], steps: WriteSteps) -> list[PreparedWrite]:
        """Make the new names survive power loss, folder by folder."""
        folders: dict[PurePosixPath, list[PreparedWrite]] = {}
        for write in writes:
            folders.setdefault(PurePosixPath(write.path).parent, []).append(write)
        return [
            write
            for in_folder in folders.values()
            for write in steps.carry_out_once(in_folder, lambda write: self._folder.sync(write.path))
        ]

    def _compare_displaced(self, write: PreparedWrite) -> WriteResult | None:
        """After the exchange the temporary name holds what was in the file: look at it before anything else."""
        if not self._is_unchanged(write.temporary, write.expected):
            # The intent stays until what was displaced has been merged.
            return ConcurrentSave()
        return None

    def _keep_displaced(self, writes: Sequence[PreparedWrite], steps: WriteSteps, now: float) -> list[PreparedWrite]:
        with self._db.write():
            for write in writes:
                self._expect_late_writes(write.temporary, write.path, write.expected, now)
        return steps.carry_out(
            writes, lambda write: self._folder.move_to_trash(write.temporary, _trash_name(write.temporary, now))
        )

    def _remove_pending(self, *writes: PreparedWrite | PendingWrite) -> None:
        with self._db.write():
            for write in writes:
                remove_pending_write(self._db, write.path)

    # ---- what was displaced

    def _trash_displaced(self, temporary: str, path: str, sha: str, now: float) -> None:
        with self._db.write():
            self._expect_late_writes(temporary, path, sha, now)
        self._folder.move_to_trash(temporary, _trash_name(temporary, now))

    def _expect_late_writes(self, temporary: str, path: str, sha: str, now: float) -> None:
        file = DisplacedFile(name=_trash_name(temporary, now), path=path, sha=sha)
        add_displaced_file(self._db, file, now + LATE_WRITE_DELAY)

    def check_late_writes(self, now: float, take_in: TakeIn) -> None:
        """Offer every displaced file that was written into after it had been displaced."""
        due = {file.name: file for file in displaced_files_due(self._db, now)} | self._offered
        for file in due.values():
            self._offered.pop(file.name, None)
            self._check_late_write(file, now, take_in)

    def _check_late_write(self, file: DisplacedFile, now: float, take_in: TakeIn) -> None:
        try:
            found = self._folder.read_trashed(file.name)
        except OSError:
            self._postpone_check(file, now)
            return
        if found is not None and digest(found) != file.sha and not take_in(file.path, found):
            self._offered[file.name] = file
            self._postpone_check(file, now)
            return
        with self._db.write():
            remove_displaced_file(self._db, file.name)

    def _postpone_check(self, file: DisplacedFile, now: float) -> None:
        with self._db.write():
            check_displaced_file_at(self._db, file.name, now + LATE_WRITE_DELAY)

    def next_check(self) -> float | None:
        return next_displaced_check(self._db)

    # ---- writes that a crash, a refusal or a concurrent save left unfinished

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
            self._trash_displaced(temporary, path, held.sha if isinstance(held, Content) else "", now)
        self._remove_pending(write)

    def _name_of_displaced(self, temporary: str) -> str:
        """Where what was displaced is: an exchange by links that was cut short has left it under another name."""
        aside = temporary + ASIDE_SUFFIX
        moved = self._folder.stat(temporary) is None and self._folder.stat(aside) is not None
        return aside if moved else temporary

    def discard_leftovers(self, temporaries: Iterable[str], now: float) -> None:
        """Move temporary files of writes that a former process had not yet recorded into the trash."""
        for temporary in temporaries:
            if not is_temporary_in_use(self._db, temporary.removesuffix(ASIDE_SUFFIX)):
                with suppress(OSError):
                    self._folder.move_to_trash(temporary, _trash_name(temporary, now))

    def _read_temporary(self, path: str, temporary: str, our_sha: str) -> ReadResult:
        """What the temporary name holds; something displaced that is no document goes back while that is safe."""
        held = self._folder.read(temporary)
        if isinstance(held, Content | Missing) or not self._is_unchanged(path, our_sha):
            return held
        self._folder.exchange(temporary, path)
        return self._folder.read(temporary)


def _trash_name(temporary: str, now: float) -> str:
    """Ends with the token of the temporary name, which makes it unique; that one is short enough to be added to."""
    return f"{int(now * 1000)}-{Path(temporary).name.strip('.~-')}"
