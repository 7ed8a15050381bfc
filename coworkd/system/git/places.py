"""Where a repository is: found by git, and recognized again without it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.errors import NotAWorkspaceError, RepoError
from coworkd.system.git.runner import TIMEOUT, execute, without_git_variables

_QUESTIONS = ("--show-toplevel", "--absolute-git-dir", "--git-common-dir")


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoPlaces:
    """The folders of a repository with a worktree, and the kind of its ids."""

    root: Path
    git_dir: Path
    common_dir: Path
    object_format: str

    def identity(self) -> tuple[object, ...]:
        """Equal as long as git would find the same here: the folders, and the configuration, are those of before."""
        return (_inode(self.root / ".git"), _inode(self.git_dir), _version(self.common_dir / "config"))


def _inode(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = os.stat(path)
        return (found.st_dev, found.st_ino)
    return None


def _version(path: Path) -> tuple[int, int, int] | None:
    with suppress(OSError):
        found = os.stat(path)
        return (found.st_ino, found.st_mtime_ns, found.st_size)
    return None


def find_places(path: Path) -> RepoPlaces:
    """The repository whose worktree holds `path`. NotAWorkspaceError outside of one, RepoError without a worktree."""
    bare, inside, object_format = _told(path, "--is-bare-repository", "--is-inside-work-tree", "--show-object-format")
    if bare == "true" or inside != "true":
        git_dir = _told(path, "--absolute-git-dir")[0]
        raise RepoError(f"{git_dir} has no worktree here: coworkd needs a checkout (`git worktree add` makes one)")
    places = _told(path, *_QUESTIONS)
    if len(places) != len(_QUESTIONS):
        # git ends each place by a line break, and one of these has a line break in its name.
        places = ["\n".join(_told(path, question)) for question in _QUESTIONS]
    root, git_dir, common_dir = map(Path, places)
    return RepoPlaces(root=root, git_dir=git_dir, common_dir=common_dir.resolve(), object_format=object_format)


def _told(path: Path, *questions: str) -> list[str]:
    """The lines of git's answers about the repository that holds `path`."""
    argv = [*without_git_variables({}), "git", "-C", str(path), "rev-parse", "--path-format=absolute", *questions]
    found = execute(argv, {}, b"", TIMEOUT)
    if found.code != 0:
        if "not a git repository" in found.err:
            raise NotAWorkspaceError(f"not a git repository: {path} (run `git init` there, or go to one)")
        raise RepoError(found.err.strip() or f"git rev-parse failed in {path}: exit {found.code}")
    # Not `splitlines`: a name may hold what other programs take for the end of a line.
    return os.fsdecode(found.out).removesuffix("\n").split("\n")
