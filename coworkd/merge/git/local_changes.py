"""What a person has changed in a checkout, compared with what a landing is about to change there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from coworkd.system.git import Repo
from coworkd.system.git.trees import NO_MODE, differences, files_of

_TIMEOUT = 600.0


def overlapping_paths(repo: Repo, old: str, new: str) -> list[str]:
    """Paths that a move from `old`, which is checked out, to `new` changes and that are changed or in the way here.

    Not those that are as they are to be, in the index as well: a landing that was interrupted left them so.
    """
    moved = {one.path for one in differences(repo, old, new)}
    obstacles = untracked_obstacles(repo, old, new)
    overlap = moved & _changed_here(repo, old) | obstacles.keys()
    if overlap:
        overlap &= _changed_here(repo, new) | _changed_here(repo, new, "--cached")
    return sorted({obstacles.get(path, path) for path in overlap})


def _changed_here(repo: Repo, commit: str, *options: str) -> set[str]:
    arguments = ("diff", "-z", "--name-only", "--no-renames", "--no-ext-diff", *options, commit, "--")
    return set(repo.run(*arguments, env={"GIT_OPTIONAL_LOCKS": "0"}, timeout=_TIMEOUT).fields)


def untracked_obstacles(repo: Repo, old: str, new: str) -> Mapping[str, str]:
    """What is in the way of files that are in `new` alone, by their paths: git overwrites it where it is ignored."""
    changed = differences(repo, old, new)
    tracked = {one.path for one in changed if one.old[0] != NO_MODE}
    arriving = [one.path for one in changed if one.old[0] == NO_MODE]
    found = {path: _obstacle(repo, old, path, tracked) for path in arriving}
    return {path: obstacle for path, obstacle in found.items() if obstacle}


def _obstacle(repo: Repo, old: str, path: str, tracked: set[str]) -> str:
    for folder in [*reversed(PurePosixPath(path).parents)][1:]:
        here = repo.root / folder
        if str(folder) not in tracked and os.path.lexists(here) and (here.is_symlink() or not here.is_dir()):
            return str(folder)
    if not os.path.lexists(repo.root / path):
        return ""
    tree = repo.resolve(f"{old}:{path}")
    return next(_untracked_below(repo, tree, path), "") if tree else path


def _untracked_below(repo: Repo, tree: str, folder: str) -> Iterator[str]:
    """Files that git does not have, in a folder that gives way to a file."""
    known = {f"{folder}/{entry.path}" for entry in files_of(repo, tree)}
    for place, _, names in os.walk(repo.root / folder):
        for name in names:
            path = Path(place, name).relative_to(repo.root).as_posix()
            if path not in known:
                yield path
