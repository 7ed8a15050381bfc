"""Watching processes from outside, independent of the code under test."""

from __future__ import annotations

import os
import select
from pathlib import Path


def alive(token: str) -> list[int]:
    """Living processes that have `token` in their command line, but not this one."""
    processes = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and int(entry.name) != os.getpid()]
    return [int(entry.name) for entry in processes if token.encode() in _read(entry / "cmdline")]


def wait_gone(pid: int, seconds: float = 20.0) -> bool:
    """Whether a process (not necessarily a child) ends within `seconds`."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], seconds)[0])
    finally:
        os.close(watched)


def hear(fifo: Path, seconds: float = 20.0) -> str:
    """The first words that somebody writes into `fifo`."""
    with os.fdopen(os.open(fifo, os.O_RDWR), "rb", buffering=0) as file:
        if not select.select([file], [], [], seconds)[0]:
            raise TimeoutError(f"nothing came through {fifo}")
        return file.read(4096).decode().strip()


def children() -> set[int]:
    """The children of this process, dead ones that nobody has waited for among them."""
    lists = Path("/proc/self/task").glob("*/children")
    return {int(pid) for found in lists for pid in _read(found).split()}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
