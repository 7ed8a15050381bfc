"""What lies uncommitted in a private repository, as a tree; the index there is left as it is."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.errors import RepoError
from coworkd.slots.private_repo import PrivateRepo
from coworkd.slots.tree_paths import GITLINK, reserved

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
    index: Path
    """An index that agrees with the tree."""

    def differs(self, private: PrivateRepo) -> bool:
        """Whether there is anything to commit."""
        return len(self.parents) != 1 or private.resolve(f"{self.parents[0]}^{{tree}}") != self.tree


def uncommitted(private: PrivateRepo) -> UncommittedWork:
    """Write the worktree, untracked files that are not ignored included, as a tree.

    Works on a copy of the index. No git command runs in a nested repository, where an agent's configuration would be
    obeyed: its files are listed and added from here, as if its `.git` were not there.
    """
    index = private.indexes / "snapshot"
    _copy_index(private, index)
    env = {"GIT_INDEX_FILE": str(index)}
    changed, nested = _changed_paths(private, env)
    out = tuple(path for path in changed if reserved(path) or path.endswith("/"))
    paths = "".join(f"{path}\0" for path in changed if path not in out)
    if paths:
        private.run(*_ADD, stdin=paths.encode(errors="surrogateescape"), timeout=_TIMEOUT, env=env)
    tree = private.run("write-tree", timeout=_TIMEOUT, env=env).text
    return UncommittedWork(tree=tree, parents=_parents(private), left_out=out, nested=nested, index=index)


# `--replace`: a folder may stand in the place of a file.
_ADD = ("update-index", "--add", "--remove", "--replace", "-z", "--stdin")


def unmerged(private: PrivateRepo) -> tuple[str, ...]:
    """Paths that a merge left in conflict and that are not resolved."""
    fields = private.run("ls-files", "-z", "--unmerged").fields
    return tuple(sorted({field.split("\t", 1)[1] for field in fields}))


def _changed_paths(private: PrivateRepo, env: Mapping[str, str]) -> tuple[list[str], tuple[str, ...]]:
    """Changed paths, and the nested repositories among them, which were entered to list their files."""
    entered: list[str] = []
    entering = [f"{path}/" for path in _linked_repositories(private, env)]
    while True:
        _index_folder_files(private, entering, env)
        entered += entering
        changed = list(dict.fromkeys(private.run(*_LIST, env=env, timeout=_TIMEOUT).fields))
        entering = [folder for folder in _unlisted_folders(private, changed) if folder not in entered]
        if not entering:
            return changed, tuple(
                folder for folder in sorted(entered) if os.path.lexists(private.work / folder / ".git")
            )


_LIST = ("ls-files", "-z", "--modified", "--deleted", "--others", "--exclude-standard")


def _unlisted_folders(private: PrivateRepo, changed: Sequence[str]) -> list[str]:
    """Folders that git lists without their files: nested repositories, and what stands in the place of a file."""
    named = (path for path in changed if not reserved(path))
    return [f"{path.rstrip('/')}/" for path in named if path.endswith("/") or _is_folder(private.work / path)]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _linked_repositories(private: PrivateRepo, env: Mapping[str, str]) -> list[str]:
    """Nested repositories that the index records as a link to a commit, without their files."""
    staged = private.run("ls-files", "-z", "--stage", env=env, timeout=_TIMEOUT).fields
    return list(dict.fromkeys(line.split("\t", 1)[1] for line in staged if line.startswith(f"{GITLINK} ")))


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


def _parents(private: PrivateRepo) -> tuple[str, ...]:
    head = private.resolve("HEAD^{commit}")
    merging = private.git_dir / "MERGE_HEAD"
    others = merging.read_text().split() if merging.is_file() else []
    if head is None and others:
        raise RepoError(f"{private.work} is merging without a commit to merge into")
    return (head, *others) if head else ()
