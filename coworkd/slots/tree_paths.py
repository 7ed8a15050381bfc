"""What may not leave a slot: the workspace's own folder, and repositories nested in the tree."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from coworkd.system.git import Repo

GITLINK = "160000"
LINK = "120000"
_RAW = re.compile(r":+(?P<modes>\d{6}(?: \d{6})+) (?P<ids>[0-9a-f]{40,64}(?: [0-9a-f]{40,64})+) .*")


class TreeEntry(NamedTuple):
    """One file of a tree: a tuple, because there are as many as the repository has files."""

    mode: str
    object_id: str
    path: str


def reserved(path: str) -> bool:
    """Whether some file system would put `path` into `.cowork/`: case, width, trailing dots, invisible characters."""
    first = unicodedata.normalize("NFKC", path.split("/", 1)[0])
    visible = "".join(char for char in first if unicodedata.category(char) != "Cf")
    return visible.casefold().rstrip(". ") == ".cowork"


def files_of(repo: Repo, tree: str) -> list[TreeEntry]:
    """Every file of a tree or commit, gitlinks included."""
    lines = repo.run("ls-tree", "-r", "-z", "--full-tree", tree).fields
    split = (line.split("\t", 1) for line in lines)
    return [TreeEntry(mode=meta[:6], object_id=meta[meta.rindex(" ") + 1 :], path=path) for meta, path in split]


class TouchedPath(NamedTuple):
    """One change of one file in one commit: mode and object are those it has afterwards."""

    mode: str
    object_id: str
    path: str


def touched(repo: Repo, commit: str, known: Sequence[str]) -> list[TouchedPath]:
    """What comes in with `commit`.

    Looked for in every commit that `known` (the base, the tip that was merged in) does not contain, and in the result
    as a whole against the last of `known`: a merge can leave out what somebody else wrote without touching it.
    """
    commits = repo.run("rev-list", commit, *(f"^{one}" for one in known)).out
    listed = repo.run("diff-tree", *_EVERY_COMMIT, stdin=commits).fields if commits else []
    final = repo.run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", known[-1], commit).fields
    return list(_raw(listed + final))


def unfit_paths(changes: Sequence[TouchedPath]) -> tuple[str, ...]:
    """The paths that must not come in with a commit, sorted."""
    return tuple(sorted({one.path for one in changes if reserved(one.path) or one.mode == GITLINK}))


_EVERY_COMMIT = ("--stdin", "-r", "-c", "-z", "--raw", "--no-renames", "--no-abbrev", "--root", "--no-commit-id")


def _raw(fields: Sequence[str]) -> Iterator[TouchedPath]:
    """Every line of `diff-tree --raw -z`; mode and object are those of the result."""
    rest = iter(fields)
    for field in rest:
        if found := _RAW.fullmatch(field):
            modes, ids = re.findall(r"\b\d{6}\b", found["modes"]), found["ids"].split()
            yield TouchedPath(mode=modes[-1], object_id=ids[-1], path=next(rest))
