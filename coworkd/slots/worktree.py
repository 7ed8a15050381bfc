"""What lies uncommitted in a private repository, as a tree; the index there is left as it is."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coworkd.errors import RepoError
from coworkd.slots.paths import reserved
from coworkd.slots.private import PrivateRepo

_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncommitted:
    """The worktree as one tree."""

    tree: str
    parents: tuple[str, ...]
    """HEAD, and what an unfinished merge was merging; empty on an unborn branch."""
    left_out: tuple[str, ...]
    """Changed paths that are not part of it: `.cowork/` and repositories nested in the tree."""
    index: Path
    """An index that agrees with the tree."""

    def differs(self, private: PrivateRepo) -> bool:
        """Whether there is anything to commit."""
        return len(self.parents) != 1 or private.resolve(f"{self.parents[0]}^{{tree}}") != self.tree


def uncommitted(private: PrivateRepo) -> Uncommitted:
    """Write the worktree, untracked files that are not ignored included, as a tree.

    Works on a copy of the index. Nested repositories are never looked into: `git add` and `git status` would run git
    in them, by a configuration that is not ours.
    """
    index = private.indexes / "snapshot"
    _copy_index(private, index)
    env = {"GIT_INDEX_FILE": str(index)}
    changed = _changed(private, env)
    out = tuple(path for path in changed if reserved(path) or path.endswith("/"))
    paths = "".join(f"{path}\0" for path in changed if path not in out)
    if paths:
        private.run(*_ADD, stdin=paths.encode(errors="surrogateescape"), timeout=_TIMEOUT, env=env)
    tree = private.run("write-tree", timeout=_TIMEOUT, env=env).text
    return Uncommitted(tree=tree, parents=_parents(private), left_out=out, index=index)


_ADD = ("update-index", "--add", "--remove", "-z", "--stdin")


def unmerged(private: PrivateRepo) -> tuple[str, ...]:
    """Paths that a merge left in conflict and nobody has resolved."""
    fields = private.run("ls-files", "-z", "--unmerged").fields
    return tuple(sorted({field.split("\t", 1)[1] for field in fields}))


def _changed(private: PrivateRepo, env: Mapping[str, str]) -> list[str]:
    kinds = ("--modified", "--deleted", "--others", "--exclude-standard")
    return list(dict.fromkeys(private.run("ls-files", "-z", *kinds, env=env, timeout=_TIMEOUT).fields))


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
