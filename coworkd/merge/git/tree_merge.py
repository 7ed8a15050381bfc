"""Three-way merges of whole trees, without a worktree: `merge-tree` and what it reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from coworkd.core.errors import RepoError
from coworkd.system.git import Repo

_TIMEOUT = 600.0
_SETTINGS = ("-c", "merge.directoryRenames=conflict", "-c", "merge.renames=true", "-c", "diff.renames=true")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One of the versions that did not go together."""

    number: int
    """1: base, 2: tip, 3: submission."""
    mode: str
    object_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictFile:
    """A path in conflict, with those of its three stages that exist."""

    path: str
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeMessage:
    """A remark of git's about some paths; `kind` is stable, such as `CONFLICT (contents)` or `Auto-merging`."""

    paths: tuple[str, ...]
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedResolution:
    """A path that is resolved as the same conflict was resolved before."""

    path: str
    commit: str
    """What `refs/cowork/resolutions/` names for it."""
    source: str
    """Whose resolution it was, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """The merge, as a tree."""

    tree: str
    resolved: tuple[RememberedResolution, ...] = ()
    """Paths that git could not merge by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicted:
    """What git could not merge by itself."""

    files: tuple[ConflictFile, ...]
    messages: tuple[MergeMessage, ...]
    tree: str = ""
    """What git could merge, with conflict markers in the rest; empty: not known."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that a conflict is about, sorted."""
        told = {path for message in self.messages for path in message.paths if message.kind.startswith("CONFLICT")}
        return tuple(sorted(told.union(file.path for file in self.files)))


MergeTrees = Callable[[Repo, str, str], Clean | Conflicted]
"""A way to merge two commits: this one, or with the resolutions that are remembered."""


def merge_trees(repo: Repo, ours: str, theirs: str) -> Clean | Conflicted:
    """Merge two commits; RepoError when they have no commit in common."""
    arguments = ("merge-tree", "--write-tree", "-z", "--messages", ours, theirs)
    result = repo.run(*_SETTINGS, *arguments, check=False, timeout=_TIMEOUT)
    if result.code not in (0, 1):
        raise RepoError(f"git cannot merge {theirs[:12]} into {ours[:12]}: {result.err.strip()}")
    fields = iter(result.fields)
    tree = next(fields)
    if result.code == 0:
        return Clean(tree=tree)
    return Conflicted(files=_files(fields), messages=tuple(_messages(fields)), tree=tree)


def _files(fields: Iterator[str]) -> tuple[ConflictFile, ...]:
    stages: dict[str, list[Stage]] = {}
    for field in fields:
        if not field:
            break
        meta, path = field.split("\t", 1)
        mode, object_id, number = meta.split(" ")
        stages.setdefault(path, []).append(Stage(number=int(number), mode=mode, object_id=object_id))
    return tuple(ConflictFile(path=path, stages=tuple(found)) for path, found in stages.items())


def _messages(fields: Iterator[str]) -> Iterator[MergeMessage]:
    for count in fields:
        paths = tuple(next(fields) for _ in range(int(count)))
        yield MergeMessage(paths=paths, kind=next(fields), text=next(fields).strip())
