"""The one place that touches the files of a workspace.

Every path is relative to `.cowork/`, with `/` between its parts. Reads are stable or say that they are not; writes are
the single steps from which `atomic_writer` builds its protocol. Symbolic links are never followed.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import secrets
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from coworkd.core.file_names import temporary_name
from coworkd.system.durable_files import replace_file, sync_folder, write_new
from coworkd.system.writer_thread import report_fault

MAX_BYTES = 1_048_576
"""A document larger than this is refused unread: a megabyte of Markdown is not written by hand."""

DECISION_FOLDERS = ("approvals/", "reviews/")
"""Folders in which people decide: a file there is read only when no other user can have written it."""

DISPLACED_FOLDER = ".displaced"
"""The folder for displaced files where the trash is on another file system. Hidden: nothing in it is a document."""

ASIDE_SUFFIX = "-"
"""Ends the name under which an exchange by links keeps the old file, beside the temporary file."""

_TEMPORARY = re.compile(r"(.*/)?\..+\.[0-9a-f]{8}~-?")
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2


class FileStat(NamedTuple):
    """What shows, without reading, that a file may have changed. A tuple, because every scan makes one per file."""

    mtime_ns: int
    ctime_ns: int
    size: int
    inode: int
    mode: int

    @classmethod
    def of(cls, found: os.stat_result) -> FileStat:
        return cls(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode)


@dataclass(frozen=True, slots=True)
class Content:
    """A stable read."""

    data: bytes
    stat: FileStat

    @property
    def sha(self) -> str:
        return digest(self.data)


@dataclass(frozen=True, slots=True)
class Missing:
    """No such file."""


@dataclass(frozen=True, slots=True)
class ChangedWhileReading:
    """It changed while it was read: look again."""


@dataclass(frozen=True, slots=True)
class NotReadable:
    """Something stands there that is not read, for this reason."""

    reason: str


ReadResult = Content | Missing | ChangedWhileReading | NotReadable


def is_temporary(path: str) -> bool:
    """Whether a file has the kind of name that only unfinished writes of ours have."""
    return _TEMPORARY.fullmatch(path) is not None


def digest(data: bytes) -> str:
    """The hash by which bytes are known everywhere in the database."""
    return sha256(data).hexdigest()


class Folder:
    """The workspace folder on a real file system, and its trash. Only the thread that makes it writes: the writer."""

    def __init__(self, root: Path, trash: Path, token: Callable[[], str] = lambda: secrets.token_hex(4)) -> None:
        self.root = root
        # Thousands of files are looked at: joining texts costs a tenth of joining `Path`s.
        self._base = f"{root}/"
        self._trash = trash
        self._token = token
        self._writer = threading.get_ident()

    def exists(self) -> bool:
        return self.root.is_dir()

    def _require_writer(self) -> None:
        if threading.get_ident() != self._writer:
            report_fault("a job writes a file of the workspace: have it return a value, which the writer writes")

    def absolute(self, path: str) -> Path:
        return self.root / path

    def walk(self, below: str = "") -> Iterator[tuple[str, FileStat]]:
        """Everything but plain folders below a folder with its stat; hidden folders are left out.

        `below` ends with a `/`; empty: the root. A folder with a document's name is given beside what is in it, for it
        stands where a file was meant.
        """
        pending = [below]
        while pending:
            folder = pending.pop()
            try:
                entries = os.scandir(self._base + folder)
            except OSError:
                continue
            with entries:
                for entry in entries:
                    path = f"{folder}{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        if not entry.name.startswith("."):
                            pending.append(path + "/")
                        if not entry.name.endswith(".md"):
                            continue
                    if (found := _lstat(entry)) is not None:
                        yield path, found

    def stat(self, path: str) -> FileStat | None:
        try:
            return FileStat.of(os.lstat(self._base + path))
        except OSError:
            return None

    def read(self, path: str) -> ReadResult:
        """The bytes of a file that did not change while they were read."""
        if self._is_behind_link(path):
            return NotReadable("lies behind a symbolic link, which is not followed; put a real folder there")
        try:
            before = os.lstat(self._base + path)
        except (FileNotFoundError, NotADirectoryError):
            return Missing()
        except OSError as error:
            return NotReadable(f"cannot be looked at: {error.strerror}")
        shared_reason = _shared_file_reason(before) if path.startswith(DECISION_FOLDERS) else ""
        if reason := _unreadable_reason(before) or shared_reason:
            return NotReadable(reason)
        try:
            return self._read(path, FileStat.of(before))
        except FileNotFoundError:
            return Missing()
        except OSError as error:
            return NotReadable(f"cannot be read: {error.strerror}; correct its permissions")

    def _is_behind_link(self, path: str) -> bool:
        end = path.find("/")
        while end > 0:
            with suppress(OSError):
                if stat.S_ISLNK(os.lstat(self._base + path[:end]).st_mode):
                    return True
            end = path.find("/", end + 1)
        return False

    def _read(self, path: str, before: FileStat) -> ReadResult:
        descriptor = os.open(self._base + path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            opened = FileStat.of(os.fstat(descriptor))
            data = _read_all(descriptor, opened.size)
            after = FileStat.of(os.fstat(descriptor))
        finally:
            os.close(descriptor)
        if not before == opened == after == self.stat(path) or len(data) != after.size:
            return ChangedWhileReading()
        return Content(data, after)

    # ---- the steps of a write

    def write_temporary(self, path: str, data: bytes, mode: int) -> str:
        """A synced file beside the target, under a name that no document can have; returns that name."""
        self._require_writer()
        parent = self.root / Path(path).parent
        parent.mkdir(parents=True, exist_ok=True)
        temporary = f"{Path(path).parent.as_posix()}/{temporary_name(Path(path).name, self._token())}"
        try:
            write_new(self.root / temporary, data, mode=mode, durable=True)
        except OSError:
            self.discard(temporary)
            raise
        return temporary

    def move_into_place(self, temporary: str, path: str) -> bool:
        """Give a new file its name; False if another program was faster."""
        self._require_writer()
        try:
            os.link(self.root / temporary, self.root / path, follow_symlinks=False)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return _move_to_free_name(str(self.root / temporary), str(self.root / path))
        os.unlink(self.root / temporary)
        return True

    def exchange(self, temporary: str, path: str) -> bool:
        """Swap the two files in one step; False if the target is gone."""
        self._require_writer()
        try:
            _exchange(str(self.root / temporary), str(self.root / path))
        except FileNotFoundError:
            return False
        return True

    def discard(self, path: str) -> None:
        """Remove a file of ours; a missing one is fine."""
        self._require_writer()
        (self.root / path).unlink(missing_ok=True)

    def sync(self, path: str) -> None:
        """Make the names in the file's folder survive power loss."""
        self._require_writer()
        sync_folder((self.root / path).parent)

    def move_to_trash(self, temporary: str, name: str) -> None:
        """Take a file out of the workspace into the trash without giving up its inode."""
        self._require_writer()
        to = self._trash / name
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(self.root / temporary, to)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._set_aside(temporary, name)

    def _set_aside(self, temporary: str, name: str) -> None:
        """The trash is on another file system: while an editor may still write into the file, it stays on this one."""
        aside = self.root / DISPLACED_FOLDER
        aside.mkdir(exist_ok=True)
        (aside / ".gitignore").write_text("*\n")
        os.rename(self.root / temporary, aside / name)

    def read_trashed(self, name: str) -> bytes | None:
        """What a file in the trash holds now; None when it is gone, or is none. Raises OSError."""
        kept, aside = self._trash / name, self.root / DISPLACED_FOLDER / name
        if not _is_regular_file(aside):
            return kept.read_bytes() if _is_regular_file(kept) else None
        data = aside.read_bytes()
        with suppress(OSError):
            _copy(aside, kept)
            os.unlink(aside)
        return data

    def publish(self, path: str, data: bytes) -> None:
        """Put an output there (live messages, inbox.md): atomic, not synced, last writer wins.

        Raises OSError also where a folder on the way is a link: what git brought along must not lead outputs elsewhere.
        """
        self._require_writer()
        target = self.root / path
        if any((self.root / folder).is_symlink() for folder in PurePosixPath(path).parents[:-1]):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, data)


def _read_all(descriptor: int, size: int) -> bytes:
    """All bytes of a file of this size; what it has grown by since shows in its stat."""
    data = os.read(descriptor, size)
    while len(data) < size and (more := os.read(descriptor, size - len(data))):
        data += more
    return data


def _lstat(entry: os.DirEntry[str]) -> FileStat | None:
    try:
        return FileStat.of(entry.stat(follow_symlinks=False))
    except OSError:
        return None


def _unreadable_reason(found: os.stat_result) -> str:
    if stat.S_ISLNK(found.st_mode):
        return "is a symbolic link, which is not followed; put a regular file there"
    if not stat.S_ISREG(found.st_mode):
        return "is not a regular file; put a Markdown file there"
    if found.st_size > MAX_BYTES:
        return f"is larger than {MAX_BYTES // 1024} KiB; move what is long into a file of the repository and name it"
    return ""


def _shared_file_reason(found: os.stat_result) -> str:
    """Why another program may have written this file, or may be writing it."""
    if found.st_nlink > 1:
        return "has another name somewhere (a hard link); save it as a new file, or use `coworkd approve`"
    if found.st_uid != os.geteuid():
        return "belongs to another user; save it as a new file, or use `coworkd approve`"
    if found.st_mode & stat.S_IWOTH:
        return "can be written by everybody; `chmod o-w` it"
    return ""


@cache
def _renameat2() -> Callable[[int, bytes, int, bytes, int], int] | None:
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)


def _exchange(first: str, second: str) -> None:
    """Exchange two files, so that the displaced one is kept, also when it was written last by another program."""
    if not swap(first, second):
        _exchange_by_links(first, second)


def swap(first: str, second: str) -> bool:
    """`renameat2(RENAME_EXCHANGE)`: both names in one step; False where kernel or file system cannot."""
    return _rename(first, second, _RENAME_EXCHANGE)


def _rename(first: str, second: str, flag: int) -> bool:
    call = _renameat2()
    if call is None:
        return False
    if call(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), flag) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), second)


def _move_to_free_name(file: str, name: str) -> bool:
    """Without hard links; where the kernel cannot refuse a name that is taken either, the look just before must do."""
    try:
        if _rename(file, name, _RENAME_NOREPLACE):
            return True
    except FileExistsError:
        return False
    if os.path.lexists(name):
        return False
    os.rename(file, name)
    return True


def _exchange_by_links(first: str, second: str) -> None:
    """Where the kernel cannot swap: keep the old file by a second name, then rename over it.

    A save that falls between the two steps stays reachable only until the rename; `doctor` calls this promise weaker.
    """
    kept = first + ASIDE_SUFFIX
    try:
        os.link(second, kept, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _copy(Path(second), Path(kept))
    os.replace(first, second)
    os.replace(kept, first)


def _is_regular_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _copy(file: Path, to: Path) -> None:
    """A synced copy under a new name."""
    write_new(to, file.read_bytes(), mode=stat.S_IMODE(file.stat().st_mode), durable=True)
