"""The files of a worktree, and nothing else: no step follows a link, none leads out.

Every path is walked from the worktree's own descriptor, part by part, and a link is never followed, so that what is
looked at and what is written is the same place, whatever is changed in between.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from coworkd.system.durable_files import replace_file

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_RESERVED = frozenset({".git", ".cowork"})
_MAX_BYTES = 10_000_000


class ToolError(Exception):
    """A tool cannot do what it was asked to; the message is for the model."""


class WorktreeFiles:
    """A worktree by its descriptor."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._fd = os.open(root, _FOLDER)

    def close(self) -> None:
        os.close(self._fd)

    def path(self, path: str) -> str:
        """A path as it is known here: relative, without detours; `.` is the worktree itself. Raises ToolError."""
        return "/".join(self._parts(path)) or "."

    def read(self, path: str) -> str:
        """The text of a file. Raises ToolError."""
        *folders, name = self._parts(path) or [""]
        with self._folder(path, folders) as folder, _as_tool_error(path):
            # Not blocking, because it may be a FIFO that is never written to.
            fd = os.open(name or ".", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            with os.fdopen(fd, "rb") as file:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    raise ToolError(f"{path} is not a regular file")
                content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise ToolError(f"{path} is larger than {_MAX_BYTES} bytes")
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise ToolError(f"{path} is not text") from None

    def write(self, path: str, text: str) -> None:
        """Write a file in one step, with the folders above it. Raises ToolError."""
        *folders, name = self._parts(path) or [""]
        if not name:
            raise ToolError("name a file, not the worktree itself")
        if (folders or [name])[0].casefold() in _RESERVED:
            raise ToolError(f"{path}: {(folders or [name])[0]} is not yours to change")
        with self._folder(path, folders, make=True) as folder, _as_tool_error(path):
            _replace(folder, name, path, text.encode(errors="replace"))

    def entries(self, path: str) -> list[str]:
        """The names in a folder, sorted; folders end with a slash. Raises ToolError."""
        with self._folder(path, self._parts(path)) as folder, _as_tool_error(path), os.scandir(folder) as found:
            names = [f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name for entry in found]
        return sorted(names)

    def _parts(self, path: str) -> list[str]:
        inside = path.removeprefix(f"{self._root}/") if path != str(self._root) else "."
        if inside.startswith("/") or "\0" in inside:
            raise ToolError(f"{path!r} does not lie in the worktree; paths are relative to it")
        parts = [part for part in inside.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise ToolError(f"{path!r}: `..` is not allowed in a path")
        return parts

    @contextmanager
    def _folder(self, path: str, parts: list[str], *, make: bool = False) -> Generator[int, None, None]:
        """The descriptor of a folder, reached step by step."""
        folder = os.dup(self._fd)
        try:
            with _as_tool_error(path):
                for part in parts:
                    if make and part not in os.listdir(folder):
                        os.mkdir(part, dir_fd=folder)
                    deeper = os.open(part, _FOLDER, dir_fd=folder)
                    os.close(folder)
                    folder = deeper
            yield folder
        finally:
            os.close(folder)


def _replace(folder: int, name: str, path: str, content: bytes) -> None:
    mode = 0o644
    try:
        there = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        pass
    else:
        if not stat.S_ISREG(there.st_mode):
            raise ToolError(f"{path} is not a regular file")
        mode = stat.S_IMODE(there.st_mode)
    replace_file(name, content, mode=mode, folder=folder)


@contextmanager
def _as_tool_error(path: str) -> Generator[None, None, None]:
    """Turn an error of the system into one that the model is told."""
    try:
        yield
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror or error}") from None
