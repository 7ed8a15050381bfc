"""Landing: on a person's word the target takes what integration has.

`land_target` is the only function of the product that may move a branch or the files that a user has checked out.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from coworkd.system.git import Repo
from coworkd.system.git.index_lock import run_on_index
from coworkd.system.git.refs import RefChange, branch_ref, checked_out, operation_under_way, update_refs
from coworkd.system.git.trees import differences

_TIMEOUT = 600.0
_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LandedInTarget:
    """The target has everything that integration has."""

    commit: str
    moved: bool
    """False: it had it already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRefused:
    """Nothing was touched, and what to do about it."""

    reason: str
    moving: bool = False
    """A branch moved meanwhile, and that is all: the same may succeed when it stands still for long enough."""


def _changed_paths(repo: Repo, old: str, new: str) -> list[str]:
    return [one.path for one in differences(repo, old, new)]


def land_target(repo: Repo, integration: str, target: str, *, onto: bool = False) -> LandedInTarget | TargetRefused:
    """Fast-forward the target to integration: in the user's worktree where it is checked out there, else by its ref.

    `onto` lands although another branch is checked out. Refuses, and touches nothing, while an operation of git's is
    under way, when integration lacks commits of the target, or over local changes that the landing would overwrite.
    """
    ours, theirs = repo.commit(branch_ref(integration)), repo.commit(branch_ref(target))
    if ours is None or theirs is None:
        return TargetRefused(reason=f"there is no commit on {target if ours else integration} yet")
    if repo.is_ancestor(ours, theirs):
        return LandedInTarget(commit=theirs, moved=False)
    if not repo.is_ancestor(theirs, ours):
        reason = f"{target} has commits that {integration} lacks: they have to be brought in first"
        return TargetRefused(reason=reason, moving=True)
    if operation := operation_under_way(repo):
        return TargetRefused(reason=f"a {operation} is under way: finish it or abort it first")
    if repo.head().branch == branch_ref(target):
        return _fast_forward(repo, ours, target)
    return _move_target(repo, ours, theirs, target, onto=onto)


def _move_target(repo: Repo, ours: str, theirs: str, target: str, *, onto: bool) -> LandedInTarget | TargetRefused:
    if not onto:
        here = (repo.head().branch or "a detached HEAD").removeprefix("refs/heads/")
        return TargetRefused(
            reason=f"{here} is checked out, not {target}: switch to {target}, or land with --onto {target}"
        )
    if branch_ref(target) in checked_out(repo):
        return TargetRefused(reason=f"{target} is checked out in another worktree: land from there")
    if not update_refs(repo, [RefChange(name=branch_ref(target), old=theirs, new=ours)]):
        return TargetRefused(reason=f"{target} moved at this moment: try again", moving=True)
    return LandedInTarget(commit=ours, moved=True)


def _fast_forward(repo: Repo, commit: str, target: str) -> LandedInTarget | TargetRefused:
    overlap = _overlapping_paths(repo, commit)
    if overlap:
        more = f" and {len(overlap) - _SHOWN} more" if len(overlap) > _SHOWN else ""
        return TargetRefused(
            reason=f"local changes would be overwritten: {', '.join(overlap[:_SHOWN])}{more}; commit them"
        )
    merged = run_on_index(repo, *_MERGE, commit, timeout=_TIMEOUT)
    if repo.commit(branch_ref(target)) != commit:
        return TargetRefused(reason=f"git refused: {' '.join(merged.err.split())}")
    return LandedInTarget(commit=commit, moved=True)


_MERGE = (
    *("-c", "submodule.recurse=false", "merge", "--ff-only", "--no-overwrite-ignore", "--no-autostash"),
    *("--no-verify-signatures", "--no-stat", "--quiet"),
)


def _overlapping_paths(repo: Repo, commit: str) -> list[str]:
    """Paths that the landing changes and that are changed, staged or untracked here."""
    arguments = ("diff", "-z", "--name-only", "--no-renames", "--no-ext-diff", "HEAD", "--")
    local = repo.run(*arguments, env={"GIT_OPTIONAL_LOCKS": "0"}, timeout=_TIMEOUT).fields
    arriving = _changed_paths(repo, "HEAD", commit)
    return sorted(set(local).intersection(arriving) | {path for path in arriving if _is_untracked(repo, path)})


def _is_untracked(repo: Repo, path: str) -> bool:
    return repo.resolve(f"HEAD:{path}") is None and os.path.lexists(repo.root / path)
