"""Whether git's configuration is the one of before, by looking at its files and not at git."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from coworkd.system.git.file_versions import settled_version
from coworkd.system.git.runner import TIMEOUT, execute, without_git_variables
from coworkd.system.paths_and_settings import git_home


def settings_version(git_dir: Path, common_dir: Path) -> str | None:
    """Another one when a file of the configuration was written, has come or is gone; None: that cannot be told now.

    Files that others include are not among them.
    """
    system = _system_file()
    if system is None:
        return None
    return settled_version([system, *_user_files(), common_dir / "config", git_dir / "config.worktree"])


def _user_files() -> list[Path]:
    chosen = os.environ.get("GIT_CONFIG_GLOBAL")
    return [Path(chosen)] if chosen else [git_home() / "config", Path.home() / ".gitconfig"]


@functools.cache
def _system_file() -> Path | None:
    """Where this git looks for the configuration of the machine, as it tells an editor; None where it does not."""
    env = {"GIT_EDITOR": "echo"}
    told = execute([*without_git_variables(env), "git", "config", "--system", "--edit"], env, b"", TIMEOUT)
    path = Path(told.text)
    return path if told.code == 0 and path.is_absolute() else None
