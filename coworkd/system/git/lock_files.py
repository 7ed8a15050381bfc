"""Lock files that a killed git left: until they are gone, git refuses to write what they lock."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from coworkd.system.git.repository import Repo

LEFT_AFTER = 600.0
"""Seconds. Git holds a lock of a ref or of HEAD for milliseconds, that of the index for as long as a command runs."""


def left_lock_files(repo: Repo, now: float) -> list[Path]:
    """Lock files of HEAD, the index, the configuration and refs that are too old to be in use, oldest first."""
    folders = {repo.git_dir, repo.common_dir}
    found = {file for folder in folders for file in folder.glob("*.lock")}
    found.update((repo.common_dir / "refs").rglob("*.lock"))
    dated = {file: changed for file in found if (changed := _changed_at(file)) is not None}
    return sorted((file for file, at in dated.items() if now - at > LEFT_AFTER), key=lambda file: (dated[file], file))


def _changed_at(file: Path) -> float | None:
    with suppress(OSError):
        return file.stat().st_mtime
    return None
