"""Whether refs may have moved, by looking at git's files and not at git: cheap enough for every turn."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from coworkd.system.git.refs import branch_ref

Version = tuple[int, int, int] | None
"""Of a file: inode, time of change, size. Git replaces such files and never writes into them."""

_TABLES = ("packed-refs", "reftable/tables.list")


def ref_folders(common_dir: Path) -> tuple[Path, ...]:
    """Where git writes when a branch moves."""
    return tuple(folder for name in ("refs/heads", "reftable") if (folder := common_dir / name).is_dir())


def ref_versions(common_dir: Path, branches: Sequence[str]) -> tuple[Version, ...]:
    """Equal only while none of the branches has moved."""
    return tuple(_version(common_dir / name) for name in (*map(branch_ref, branches), *_TABLES))


def head_versions(git_dir: Path, common_dir: Path) -> tuple[Version, ...]:
    """Equal only while the same branch is checked out, and no branch has come or gone."""
    return (_version(git_dir / "HEAD"), _version(common_dir / "refs" / "heads"))


def _version(path: Path) -> Version:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)
