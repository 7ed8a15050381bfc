"""Landing: on a person's word the target takes what integration has.

`land_target` is the only function of the product that may move a branch or the files that a user has checked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.merge.git.local_changes import overlapping_paths, untracked_obstacles
from coworkd.system.git import Repo
from coworkd.system.git.head_lock import HeadNotLocked, LockedHead, head_locked
from coworkd.system.git.index_lock import repeat_while_locked, run_on_index
from coworkd.system.git.refs import (
    RefChange,
    branch_ref,
    checked_out,
    operation_under_way,
    update_refs,
    worktree_of,
)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """A fast-forward of a branch."""

    branch: str
    old: str
    new: str


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
    advance = Advance(branch=target, old=theirs, new=ours)
    if repo.head().branch == branch_ref(target):
        return _fast_forward(repo, advance)
    if branch_ref(target) in checked_out(repo):
        return TargetRefused(reason=_held_reason(repo, target, integration))
    return _move_target(repo, advance, onto=onto)


def _move_target(repo: Repo, advance: Advance, *, onto: bool) -> LandedInTarget | TargetRefused:
    target = advance.branch
    if not onto:
        here = (repo.head().branch or "a detached HEAD").removeprefix("refs/heads/")
        return TargetRefused(
            reason=f"{here} is checked out, not {target}: switch to {target}, or land with --onto {target}"
        )
    if not update_refs(repo, [RefChange(name=branch_ref(target), old=advance.old, new=advance.new)]):
        return TargetRefused(reason=f"{target} moved at this moment: try again", moving=True)
    return LandedInTarget(commit=advance.new, moved=True)


def _held_reason(repo: Repo, target: str, integration: str) -> str:
    """Another worktree stands on the target, where coworkd touches nothing; what to do about it."""
    place = worktree_of(repo, target)
    if place is not None and not place.exists():
        return f"{target} is checked out in {place}, which is gone: `git worktree prune` forgets it, then land again"
    where = str(place) if place else "another worktree, in the middle of a rebase or a bisect"
    return (
        f"{target} is checked out in {where}: type `git merge --ff-only {integration}` there,"
        " or switch it to another branch and land again"
    )


def _fast_forward(repo: Repo, advance: Advance) -> LandedInTarget | TargetRefused:
    """Move the files and the branch that are checked out: both, or none of them.

    What is found here may have changed when git begins. So HEAD is locked first, with the branch that it names, and
    what git does not look at is looked at again.
    """
    overlap = overlapping_paths(repo, advance.old, advance.new)
    if overlap:
        return _overlap_refused(overlap)
    run_on_index(repo, "update-index", "-q", "--refresh", timeout=_TIMEOUT)
    return repeat_while_locked(
        lambda: _move_files_and_branch(repo, advance),
        lambda result: result.reason if isinstance(result, TargetRefused) else "",
    )


def _move_files_and_branch(repo: Repo, advance: Advance) -> LandedInTarget | TargetRefused:
    with head_locked(repo, old=advance.old, new=advance.new, log=f"coworkd land: {advance.new}") as head:
        if reason := _reason_not_to_move(repo, advance, head):
            return reason
        assert isinstance(head, LockedHead)
        done = repo.run(*_READ_TREE, advance.old, advance.new, check=False, timeout=_TIMEOUT)
        if done.code != 0:
            return TargetRefused(reason=f"git refused: {' '.join(done.err.split())}")
        head.commit()
    return LandedInTarget(commit=advance.new, moved=True)


def _reason_not_to_move(repo: Repo, advance: Advance, head: LockedHead | HeadNotLocked) -> TargetRefused | None:
    """What is in the way now that HEAD is locked."""
    if isinstance(head, HeadNotLocked):
        return TargetRefused(reason=f"git refused: {head.reason}", moving=repo.commit("HEAD") != advance.old)
    if head.branch != branch_ref(advance.branch):
        here = head.branch.removeprefix("refs/heads/") or "a detached HEAD"
        return TargetRefused(reason=f"{here} was checked out at this moment, not {advance.branch}", moving=True)
    if operation := operation_under_way(repo):
        return TargetRefused(reason=f"a {operation} is under way: finish it or abort it first")
    if untracked_obstacles(repo, advance.old, advance.new):
        overlap = overlapping_paths(repo, advance.old, advance.new)
        return _overlap_refused(overlap) if overlap else None
    return None


_READ_TREE = ("-c", "submodule.recurse=false", "read-tree", "-m", "-u")


def _overlap_refused(overlap: Sequence[str]) -> TargetRefused:
    more = f" and {len(overlap) - _SHOWN} more" if len(overlap) > _SHOWN else ""
    return TargetRefused(reason=f"local changes would be overwritten: {', '.join(overlap[:_SHOWN])}{more}; commit them")
