"""What may not leave a slot: the workspace's own folder, and repositories nested in the tree."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from coworkd.system.git import Repo
from coworkd.system.git.objects import CommitObject
from coworkd.system.git.trees import PathDifference, differences

GITLINK = "160000"
LINK = "120000"


def is_reserved(path: str) -> bool:
    """Whether some file system would put `path` into `.cowork/`: case, width, trailing dots, invisible characters."""
    first = unicodedata.normalize("NFKC", path.split("/", 1)[0])
    visible = "".join(char for char in first if unicodedata.category(char) != "Cf")
    return visible.casefold().rstrip(". ") == ".cowork"


class TouchedPath(NamedTuple):
    """One change of one file in one commit: mode and object are those it has afterwards."""

    mode: str
    object_id: str
    path: str


def touched_paths(repo: Repo, commit: str, known: Sequence[str]) -> list[TouchedPath]:
    """What comes in with `commit`.

    Looked for in every commit that `known` (the base, the tip that was merged in) does not contain, and in the result
    as a whole against the last of `known`: a merge can leave out what another person wrote without touching it.
    """
    new = repo.commits_between([commit], known)
    listed = [one for found in zip(new, repo.commits(new), strict=True) for one in _changes_of(repo, *found)]
    return listed + _touched(differences(repo, known[-1], commit))


def _changes_of(repo: Repo, name: str, commit: CommitObject) -> list[TouchedPath]:
    """What one commit changes; of a merge, what is not as in any of its parents."""
    if not commit.parents:
        return _touched(differences(repo, "", name))
    first, *others = (differences(repo, parent, name) for parent in commit.parents)
    everywhere = {one.path for one in first}.intersection(*({one.path for one in other} for other in others))
    return _touched(one for one in first if one.path in everywhere)


def _touched(found: Iterable[PathDifference]) -> list[TouchedPath]:
    return [TouchedPath(*one.new, one.path) for one in found]


def unfit_paths(changes: Sequence[TouchedPath]) -> tuple[str, ...]:
    """The paths that must not come in with a commit, sorted."""
    return tuple(sorted({one.path for one in changes if is_reserved(one.path) or one.mode == GITLINK}))
