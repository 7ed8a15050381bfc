"""The files of a tree, and what differs between two: read tree by tree, what is equal never entered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from coworkd.core.errors import RepoError
from coworkd.system.git.objects import FOLDER, TreeItem, unequal_items
from coworkd.system.git.repository import Repo

MAX_FILES = 1_000_000
"""Files of one tree: a few bytes can describe a tree that names itself a thousand million times."""
NO_MODE = "000000"
"""The mode of a file that is not there; its object id is all zeros."""


class TreeEntry(NamedTuple):
    """One file of a tree: a tuple, because there are as many as the repository has files."""

    mode: str
    object_id: str
    path: str


class PathDifference(NamedTuple):
    """One path at which two trees differ."""

    path: str
    old: tuple[str, str]
    """Mode and object id."""
    new: tuple[str, str]


def files_of(repo: Repo, tree: str) -> list[TreeEntry]:
    """Every file of a tree or commit in git's order, gitlinks included. RepoError for more than `MAX_FILES`."""
    root = repo.tree_of(tree)
    return list(_files(_all_trees(repo, root), root, ""))


def _all_trees(repo: Repo, root: str) -> Mapping[str, Sequence[TreeItem]]:
    """The tree and all trees within it, by id."""
    found: dict[str, Sequence[TreeItem]] = {}
    unread = [root]
    while unread:
        found |= dict(zip(unread, repo.trees(unread), strict=True))
        named = (item.object_id for tree in unread for item in found[tree] if item.mode == FOLDER)
        unread = [tree for tree in dict.fromkeys(named) if tree not in found]
    _check_size(found, root)
    return found


def _check_size(trees: Mapping[str, Sequence[TreeItem]], root: str) -> None:
    """Count the files without listing them: a tree that stands in many places is counted in each."""
    counts: dict[str, int] = {}

    def count(tree: str) -> int:
        if tree not in counts:
            counts[tree] = sum(count(item.object_id) if item.mode == FOLDER else 1 for item in trees[tree])
        return counts[tree]

    if count(root) > MAX_FILES:
        raise RepoError(f"{root} has more than {MAX_FILES} files")


def _files(trees: Mapping[str, Sequence[TreeItem]], tree: str, prefix: str) -> Iterator[TreeEntry]:
    for mode, object_id, name in trees[tree]:
        if mode == FOLDER:
            yield from _files(trees, object_id, f"{prefix}{name}/")
        else:
            yield TreeEntry(mode, object_id, prefix + name)


# ---- differences

_Pair = tuple[str, str, str]
"""Where two trees stand, with a final slash, and their ids; an empty one: there is none."""


def differences(repo: Repo, old: str, new: str, among: Iterable[str] | None = None) -> list[PathDifference]:
    """Every file that is not the same in two trees or commits, by path; no `old`: every file of `new`.

    What `git diff-tree -r --raw --no-renames` says. `among`: of these paths alone; what leads to none of them is not
    read. RepoError for more than `MAX_FILES`.
    """
    if among is None:
        return sorted(_differences(repo, old, new, lambda _: True))
    paths = frozenset(among)
    return sorted(one for one in _differences(repo, old, new, _folders_above(paths).__contains__) if one.path in paths)


def _folders_above(paths: Iterable[str]) -> frozenset[str]:
    """Every folder that leads to one of the paths, with a final slash."""
    parts = [path.split("/") for path in paths]
    return frozenset("/".join(names[:depth]) + "/" for names in parts for depth in range(1, len(names)))


def _differences(repo: Repo, old: str, new: str, enters: Callable[[str], bool]) -> list[PathDifference]:
    """Files that differ, in any order; of folders those that are to be entered, given with a final slash."""
    found: list[PathDifference] = []
    pairs: list[_Pair] = [("", repo.tree_of(old) if old else "", repo.tree_of(new))]
    while pairs:
        wanted = dict.fromkeys(tree for _, *both in pairs for tree in both if tree)
        read = dict(zip(wanted, repo.tree_contents(list(wanted)), strict=True)) | {"": b""}
        deeper: list[_Pair] = []
        for prefix, before, after in pairs:
            for name, one, other in unequal_items(read[before], read[after], repo.object_format):
                found += _as_files(repo, prefix + name, one, other)
                deeper += [pair for pair in _as_folders(f"{prefix}{name}/", one, other) if enters(pair[0])]
            if len(found) + len(deeper) > MAX_FILES:
                raise RepoError(f"more than {MAX_FILES} files differ between {old} and {new}")
        pairs = deeper
    return found


def _as_files(repo: Repo, path: str, *sides: TreeItem | None) -> Iterator[PathDifference]:
    """What is a file on one side at least; a folder counts as no file."""
    absent = (NO_MODE, "0" * (64 if repo.object_format == "sha256" else 40))
    old, new = (absent if one is None or one.mode == FOLDER else (one.mode, one.object_id) for one in sides)
    if old != new:
        yield PathDifference(path, old, new)


def _as_folders(prefix: str, *sides: TreeItem | None) -> Iterator[_Pair]:
    old, new = (one.object_id if one is not None and one.mode == FOLDER else "" for one in sides)
    if old != new:
        yield prefix, old, new
