"""The right to be the only process that writes in a workspace: one file lock, and the process id of its holder."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from coworkd.core.errors import BusyError
from coworkd.system.process_state import SUSPENDED, described, process_state, read_pid_file

COMMAND_TIME = 2.0
"""Seconds for which a daemon that starts waits for a command that holds the workspace for its one turn."""


class WorkspaceLock:
    """The right to be the only process that writes here."""

    def __init__(self, lock: Path, pid: Path) -> None:
        self._file = lock
        self._pid = pid
        self._held: list[FileLock] = []
        self._inode: int | None = None

    def acquire(self, patience: float) -> None:
        """Raises `BusyError`, naming the holder, when another still has it after `patience` seconds."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(self._file)
        try:
            held.acquire(timeout=0 if _is_suspended(self._pid) else patience)
        except Timeout as error:
            raise BusyError(_held_by(self._pid)) from error
        self._held.append(held)
        self._inode = _inode(self._file)
        self._pid.write_text(f"{os.getpid()}\n")

    def renew(self, patience: float) -> bool:
        """Take it again where its file was removed, for another process could take a new one; whether that was so.

        Raises `BusyError` when another process has it by now.
        """
        if _inode(self._file) != self._inode:
            self.acquire(patience)
            return True
        if not self._pid.exists():
            self._pid.write_text(f"{os.getpid()}\n")
        return False

    def release(self) -> None:
        self._pid.unlink(missing_ok=True)
        for held in self._held:
            held.release()


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


@contextmanager
def workspace_lock(lock: Path, pid: Path, patience: float) -> Generator[WorkspaceLock]:
    """Hold the workspace. Raises `BusyError`, naming the holder, when another still does after `patience` seconds."""
    held = WorkspaceLock(lock, pid)
    held.acquire(patience)
    try:
        yield held
    finally:
        held.release()


def _held_by(file: Path) -> str:
    """Who holds the workspace, and what to do."""
    pid = read_pid_file(file)
    runs = f"coworkd already runs for this workspace (pid {pid or 'unknown'})"
    if pid is not None and (state := process_state(pid)) in SUSPENDED:
        return f"{runs} and is {described(pid, state)}"
    return f"{runs}; `coworkd down` stops it"


def _is_suspended(file: Path) -> bool:
    """Whether the holder does nothing until another process acts on it, so that waiting for it is in vain."""
    pid = read_pid_file(file)
    return pid is not None and process_state(pid) in SUSPENDED
