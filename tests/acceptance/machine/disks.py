"""Small file systems that a test may fill; a test is left out by name where none may be mounted."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(at: Path, megabytes: int) -> Generator[Path]:
    """A file system of its own, where this may be mounted."""
    at.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(at)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("not tried: no right to mount a small file system")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def fill(folder: Path) -> None:
    """Leave no byte and no block free."""
    for name, size in (("fill-large", 65536), ("fill-small", 512)):
        with _until_full(), (folder / name).open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * size)
    assert os.statvfs(folder).f_bavail == 0


@contextmanager
def _until_full() -> Generator[None]:
    try:
        yield
    except OSError as error:
        assert error.errno == errno.ENOSPC, error


def make_room(folder: Path) -> None:
    for file in folder.glob("fill-*"):
        file.unlink()
