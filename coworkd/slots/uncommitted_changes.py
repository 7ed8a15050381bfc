"""What lies uncommitted in a private repository, as a tree; the index there is left as it is."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from coworkd.core.errors import RepoError
from coworkd.slots.private_repo import PrivateRepo
from coworkd.slots.tree_paths import GITLINK, is_reserved
from coworkd.system.git import Repo
from coworkd.system.git.trees import TreeEntry, files_of

_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UncommittedWork:
    """The worktree as one tree."""

    tree: str
    parents: tuple[str, ...]
    """HEAD, and what an unfinished merge was merging; empty on an unborn branch."""
    left_out: tuple[str, ...]
    """Changed paths that are not part of it: `.cowork/`."""
    nested: tuple[str, ...]
    """Folders that are repositories of their own, each with a final slash; their files are part of it."""
    unmerged: tuple[str, ...]
    """Paths that a merge left in conflict and that were not resolved; the tree has what their files hold."""
    index: Path
    """An index that agrees with the tree."""
    differs: bool
    """Whether there is anything to commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """What an index has, and what of the worktree is not as it says."""

    staged: tuple[TreeEntry, ...]
    unmerged: tuple[str, ...]
    changed: tuple[str, ...]


def uncommitted(private: PrivateRepo, git: Repo) -> UncommittedWork:
    """Write the worktree, untracked files that are not ignored included, as a tree; `git` reads the same repository.

    Works on a copy of the index. No git command runs in a nested repository, where an agent's configuration would be
    obeyed: its files are listed and added from here, as if its `.git` were not there.
    """
    index = private.indexes / "snapshot"
    _copy_index(private, index)
    env = {"GIT_INDEX_FILE": str(index)}
    found, nested = _listed(private, env)
    out = tuple(path for path in found.changed if is_reserved(path) or path.endswith("/"))
    paths = "".join(f"{path}\0" for path in found.changed if path not in out)
    if paths:
        private.run(*_ADD, stdin=paths.encode(errors="surrogateescape"), timeout=_TIMEOUT, env=env)
    parents = _parents(private, git)
    before = git.tree_of(parents[0]) if parents else ""
    clean = not paths and before and list(found.staged) == files_of(git, before)
    tree = before if clean else private.run("write-tree", timeout=_TIMEOUT, env=env).text
    return UncommittedWork(
        tree=tree, parents=parents, left_out=out, nested=nested, unmerged=found.unmerged, index=index,
        differs=len(parents) != 1 or tree != before,
    )  # fmt: skip


# `--replace`: a folder may stand in the place of a file.
_ADD = ("update-index", "--add", "--remove", "--replace", "-z", "--stdin")


def _listed(private: PrivateRepo, env: Mapping[str, str]) -> tuple[_Listing, tuple[str, ...]]:
    """What there is, and the nested repositories, which were entered to list their files."""
    first = found = _list(private, env)
    entered: list[str] = []
    # Nested repositories that the index records as a link to a commit are entered first.
    entering = [f"{entry.path}/" for entry in found.staged if entry.mode == GITLINK]
    while entering := [one for one in (*entering, *_unlisted_folders(private, found.changed)) if one not in entered]:
        _index_folder_files(private, list(dict.fromkeys(entering)), env)
        entered += entering
        found, entering = _list(private, env), []
    nested = tuple(folder for folder in sorted(set(entered)) if os.path.lexists(private.work / folder / ".git"))
    return replace(first, changed=found.changed), nested


_LIST = ("ls-files", "-z", "-t", "--stage", "--modified", "--deleted", "--others", "--exclude-standard")
_CHANGED = ("R", "C", "?")
"""Letters of what is gone, otherwise than in the index, or not in it."""


def _list(private: PrivateRepo, env: Mapping[str, str]) -> _Listing:
    staged: list[TreeEntry] = []
    changed: dict[str, None] = {}
    unmerged: set[str] = set()
    for field in private.run(*_LIST, env=env, timeout=_TIMEOUT).fields:
        letter, rest = field[0], field[2:]
        about, _, path = rest.partition("\t") if letter != "?" else ("", "", rest)
        if letter in _CHANGED:
            changed[path] = None
            continue
        mode, object_id, stage = about.split(" ")
        staged.append(TreeEntry(mode, object_id, path))
        if stage != "0":
            unmerged.add(path)
    return _Listing(staged=tuple(staged), unmerged=tuple(sorted(unmerged)), changed=tuple(changed))


def _unlisted_folders(private: PrivateRepo, changed: Sequence[str]) -> list[str]:
    """Folders that git lists without their files: nested repositories, and what stands in the place of a file."""
    named = (path for path in changed if not is_reserved(path))
    return [f"{path.rstrip('/')}/" for path in named if path.endswith("/") or _is_folder(private.work / path)]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _index_folder_files(private: PrivateRepo, folders: list[str], env: Mapping[str, str]) -> None:
    """Have git list the files of these folders like any others: it does where the index has a file in them.

    The file does not exist, so adding the changes takes it out of the index again.
    """
    if not folders:
        return
    empty = hashlib.new(private.object_format, b"blob 0\0").hexdigest()
    gone = "".join(f"0 {'0' * len(empty)}\t{path.rstrip('/')}\0" for path in folders)
    lines = gone + "".join(f"100644 {empty}\t{path}{_ABSENT}\0" for path in folders)
    private.run("update-index", "--replace", "-z", "--index-info", stdin=os.fsencode(lines), env=env)


_ABSENT = ".coworkd-lists-this-folder"


def _copy_index(private: PrivateRepo, index: Path) -> None:
    private.restore()
    index.unlink(missing_ok=True)
    if (private.git_dir / "index").is_file():
        shutil.copy2(private.git_dir / "index", index)


def _parents(private: PrivateRepo, git: Repo) -> tuple[str, ...]:
    head = git.commit("HEAD")
    merging = private.git_dir / "MERGE_HEAD"
    others = merging.read_text().split() if merging.is_file() else []
    if head is None and others:
        raise RepoError(f"{private.work} is merging without a commit to merge into")
    return (head, *others) if head else ()
