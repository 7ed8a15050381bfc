"""One verification at a time in a gate: the folder is locked for as long as anything is checked out or run in it.

The lock is the kernel's, held by an open file: threads and processes exclude each other alike, and a holder that dies
gives it up. The file says who holds it while it is held, so that a holder that died without cleaning up is noticed,
and what it started is ended before the folder is used again.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from coworkd.core.errors import CoworkError
from coworkd.slots.state_places import empty_gate
from coworkd.system.process import commands

LOCK = "lock"
"""The name of the lock file in the folder of a gate."""
_POLL = 0.1
_TICK = threading.Event()
"""Never set: waiting for it is a pause."""


class GateWaitCancelledError(CoworkError):
    """The gate was in use until the verification was no longer wanted."""


@contextmanager
def hold_gate(gate: Path, marker: str, cancelled: Callable[[], bool]) -> Generator[None]:
    """Hold a gate, waiting until it is free.

    `marker` is the `COWORK_RUN` of what is started in this gate: what a dead holder left of it is ended first.
    Raises GateWaitCancelledError when `cancelled` is true before the gate is free.
    """
    gate.mkdir(parents=True, exist_ok=True)
    lock = os.open(gate / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while not _try_lock(lock):
            if cancelled():
                raise GateWaitCancelledError(f"the verification folder {gate} is in use")
            _TICK.wait(_POLL)
        if os.pread(lock, 1, 0):
            commands.sweep(commands.RUN_MARK, marker)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()} {marker}\n".encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(lock, 0)
    finally:
        os.close(lock)


def empty_idle_gate(gate: Path, marker: str) -> bool:
    """Remove what a gate takes on the disk; False where it is in use."""
    try:
        with hold_gate(gate, marker, lambda: True):
            empty_gate(gate)
    except GateWaitCancelledError:
        return False
    return True


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
