"""Where an attempt starts that goes on with reviewed work: that work, with what has landed since where they merge."""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.merge.git.candidates import builds_on_lost
from coworkd.merge.git.integration import commit_merge
from coworkd.merge.git.transplant import copy_commit, sides
from coworkd.merge.git.tree_merge import Conflicted, merge_trees
from coworkd.system.git import Repo

_MESSAGE = "Merge what has landed into the reviewed change\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """A worktree at `commit`, which builds on `base`."""

    base: str
    """What the result is compared with."""
    commit: str
    """No ref names it yet."""


def continuation(repo: Repo, base: str, reviewed: str, reviewed_base: str) -> Continuation:
    """Go on with the commit `reviewed`, from `base` where both merge without a conflict, else from `reviewed_base`.

    A conflict is not resolved in passing: the result collides again when it is to land, and goes to its author then.
    Commits that the branches lost do not come along: the reviewed change is put on `base` by itself, or begun again.
    """
    if builds_on_lost(repo, reviewed_base, reviewed, (base,)):
        return _without_dropped(repo, base, reviewed, reviewed_base)
    if repo.is_ancestor(base, reviewed):
        return Continuation(base=base, commit=reviewed)
    merged = merge_trees(repo, reviewed, base)
    if isinstance(merged, Conflicted):
        return Continuation(base=reviewed_base, commit=reviewed)
    return Continuation(base=base, commit=commit_merge(repo, merged, (reviewed, base), _MESSAGE).commit)


def _without_dropped(repo: Repo, base: str, reviewed: str, reviewed_base: str) -> Continuation:
    apart = sides(repo, base=reviewed_base, ours=base, theirs=reviewed)
    merged = merge_trees(repo, apart.ours, apart.theirs)
    if isinstance(merged, Conflicted):
        return Continuation(base=base, commit=base)
    return Continuation(base=base, commit=copy_commit(repo, reviewed, merged.tree, (base,)))
