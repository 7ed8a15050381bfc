"""Jobs that keep the integration branch in step with its target: look, decide, move, look again.

Blocking; called from job threads only. What needs a verification is moved only by a caller that brings one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from coworkd.core.errors import RepoError
from coworkd.core.model import Check
from coworkd.merge.branch_rules import (
    BranchFacts,
    BringIn,
    Collision,
    Move,
    NothingToDo,
    Rebuild,
    Restart,
    Restore,
    Unrelated,
    next_move,
)
from coworkd.merge.git.ancestry import ancestors_in
from coworkd.merge.git.branch_moves import (
    Rebuilt,
    merge_target,
    move_branch,
    rebuild,
    record_taken,
    record_target,
    restore_branch,
)
from coworkd.merge.git.containment import contained_in
from coworkd.merge.git.facts import BranchContext, BranchState, read_state
from coworkd.merge.git.integration import MergeCommit
from coworkd.merge.git.remembered_resolutions import forget_resolutions
from coworkd.merge.git.stacking import StackConflict, merge_stack
from coworkd.merge.git.tree_merge import Conflicted
from coworkd.merge.target_entry import unrelated_reason
from coworkd.slots.tree_paths import is_reserved
from coworkd.store.landings import Landing, NeededLanding
from coworkd.store.stacks import StackedSubmission
from coworkd.system.git import Repo
from coworkd.system.git.trees import differences

MAX_ROUNDS = 8
"""How often it is looked again in one job: a move that lost its compare-and-swap is decided once more."""
_SHOWN = 10


class UnsettledBranchesError(RepoError):
    """The branches moved during each of the rounds of a job."""


Verify = Callable[[str], tuple[Check, ...] | None]
"""Runs the workspace's commands on a commit; None: it was stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchReport:
    """Where integration and its target stand after a job, and what happened on the way."""

    state: BranchState
    move: Move
    """What remains to be done."""
    moved: tuple[str, ...] = ()
    """Moves that were made, in words."""
    rebuilt: Rebuilt | None = None
    red: Check | None = None
    """The check that keeps the move that remains from being made."""
    lacks: tuple[str, ...] = ()
    """The target's commits that integration does not have, as `abc1234 subject`."""
    dropped: tuple[str, ...] = ()
    """Commits that integration took from the target and that the target lost."""
    restoring_landing: str = ""
    """A landing that integration can be moved on to without losing anything, and that has all that is lost; or none."""


def make_due_moves(
    repo: Repo,
    branches: BranchContext,
    *,
    verify: Verify | None = None,
    needs: Mapping[str, Sequence[str]] | None = None,
    most_verified: int = MAX_ROUNDS,
    follow: bool = True,
) -> BranchReport:
    """Make the moves that are due. Without `verify` only those whose result needs no verification.

    `most_verified`: how many of those whose result needs one; a target that goes on moving has others wait no longer.
    `follow` False: integration does not follow its target now. Raises `UnsettledBranchesError` where the branches keep
    moving.
    """
    moved: list[str] = []
    rebuilt: Rebuilt | None = None
    for _ in range(MAX_ROUNDS):
        state = read_state(repo, branches)
        record_target(repo, branches.target, state.facts.target)
        stays = not follow and bool(state.facts.integration) and isinstance(next_move(state.facts), Restart | BringIn)
        step = None if stays else _make_move(repo, branches, state.facts, verify, needs or {})
        if step is None:
            return _branch_report(repo, state, moved, rebuilt, None)
        if isinstance(step, Check):
            return _branch_report(repo, state, moved, rebuilt, step)
        moved += [step.description] if step.description else []
        rebuilt = step.rebuilt or rebuilt
        most_verified -= step.verified
        if not most_verified:
            return _branch_report(repo, read_state(repo, branches), moved, rebuilt, None)
    raise UnsettledBranchesError(f"{branches.branch} or {branches.target} keeps moving: looking again later")


@dataclass(frozen=True, slots=True, kw_only=True)
class _MoveAttempt:
    """A move was tried. No description: the branch moved meanwhile."""

    description: str = ""
    rebuilt: Rebuilt | None = None
    verified: bool = False
    """Its result was verified."""


def _make_move(
    repo: Repo, branches: BranchContext, facts: BranchFacts, verify: Verify | None, needs: Mapping[str, Sequence[str]]
) -> _MoveAttempt | Check | None:
    """Make the next move; the red check that forbids it; or None: there is none to be made now."""
    match next_move(facts):
        case Restart():
            done = move_branch(repo, branches, facts, facts.target)
            return _MoveAttempt(description=f"{branches.branch} starts again from {branches.target}" if done else "")
        case Restore(commit=commit):
            done = restore_branch(repo, branches, commit)
            return _MoveAttempt(description=f"{branches.branch} was gone and is back at {commit[:12]}" if done else "")
        case BringIn():
            return _bring_in(repo, branches, facts, verify)
        case Rebuild() if verify is not None:
            return _rebuild(repo, branches, facts, verify, needs)
        case NothingToDo():
            record_taken(repo, branches, facts)
            return None
        case _:
            return None


def _bring_in(
    repo: Repo, branches: BranchContext, facts: BranchFacts, verify: Verify | None
) -> _MoveAttempt | Check | None:
    made = merge_target(repo, facts.integration, facts.target, branches.target)
    if isinstance(made, Conflicted):
        return _MoveAttempt()
    if needs_verification := not _workspace_only(repo, facts.integration, made.commit):
        if verify is None:
            return None
        checks = verify(made.commit)
        if checks is None:
            return None
        if red := _first_red(checks):
            return red
    done = move_branch(repo, branches, facts, made.commit)
    description = f"brought in {branches.target} at {facts.target[:12]}" if done else ""
    return _MoveAttempt(description=description, verified=needs_verification)


def _rebuild(
    repo: Repo, branches: BranchContext, facts: BranchFacts, verify: Verify, needs: Mapping[str, Sequence[str]]
) -> _MoveAttempt | Check | None:
    made = rebuild(repo, facts, needs)
    if not _workspace_only(repo, facts.target, made.commit):
        checks = verify(made.commit)
        if checks is None:
            return None
        if red := _first_red(checks):
            if not made.resolved:
                return red
            # The next round makes it without them, and leaves out what conflicts.
            forget_resolutions(repo, made.resolved)
            return _MoveAttempt()
    landings = [commit for landing, commit in made.merged if commit != landing.commit]
    if not move_branch(repo, branches, facts, made.commit, landings=landings):
        return _MoveAttempt()
    return _MoveAttempt(
        description=f"{branches.branch} was made again from {branches.target} at {facts.target[:12]}", rebuilt=made
    )


def _first_red(checks: Sequence[Check]) -> Check | None:
    """What was led into a checkout of the user says nothing about the commit, and keeps nothing out."""
    return next((check for check in checks if not check.green and not check.reached), None)


def _workspace_only(repo: Repo, old: str, new: str) -> bool:
    return all(is_reserved(one.path) for one in differences(repo, old, new))


def _branch_report(
    repo: Repo, state: BranchState, moved: Sequence[str], rebuilt: Rebuilt | None, red: Check | None
) -> BranchReport:
    facts, move = state.facts, next_move(state.facts)
    dropped = commit_subjects(repo, facts.taken, facts.target) if isinstance(move, Rebuild) and facts.taken else ()
    lacks = commit_subjects(repo, facts.target, facts.integration) if isinstance(move, BringIn | Collision) else ()
    return BranchReport(
        state=state, move=move, moved=tuple(moved), rebuilt=rebuilt, red=red, lacks=lacks, dropped=dropped,
        restoring_landing=_undo_commit(repo, facts),
    )  # fmt: skip


def _undo_commit(repo: Repo, facts: BranchFacts) -> str:
    """Found in the landings themselves at each look: what was right before something else landed would lose that."""
    lost = [fact.landing.commit for fact in facts.lost]
    if not (lost and facts.integration) or repo.commit(lost[-1]) != lost[-1]:
        return ""
    if not repo.is_ancestor(facts.integration, lost[-1]):
        return ""
    return lost[-1] if ancestors_in(repo, lost, lost[-1]).issuperset(lost) else ""


def commit_subjects(repo: Repo, commit: str, without: str) -> tuple[str, ...]:
    """The commits of one that the other lacks, newest first, as `abc1234 subject`; at most ten, no merges."""
    arguments = ("log", "--no-merges", f"--max-count={_SHOWN}", "--format=%h %s", commit, f"^{without}")
    return tuple(repo.run(*arguments).text.splitlines())


# ---- what runs start from


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBase:
    """The commit that a new run starts from."""

    commit: str
    lacks: tuple[str, ...] = ()
    """The target's commits that are not in it, as `abc1234 subject`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoBase:
    """Nothing can start at this moment, and why."""

    reason: str
    lasting: bool = False
    """It is so until another task has gone on."""


def run_base(
    repo: Repo,
    branches: BranchContext,
    needed: Sequence[NeededLanding],
    stack: Sequence[StackedSubmission] = (),
) -> RunBase | NoBase:
    """The tip and the target merged, else (where they collide) the tip; with all in it that is needed.

    `stack`: submissions that have not landed, which are merged with that.
    """
    report = make_due_moves(repo, branches)
    facts = report.state.facts
    if isinstance(report.move, Rebuild):
        why = f"{branches.target} lost commits that it had taken" if facts.integration else "it was deleted"
        return NoBase(reason=f"waits until {branches.branch} is made again: {why}")
    if isinstance(report.move, Unrelated):
        return NoBase(reason=f"waits: {unrelated_reason(branches.target, branches.branch)}")
    base = _with_target(repo, branches, facts, report)
    missing = _missing_tasks(repo, base.commit, needed)
    if missing:
        return NoBase(reason=f"waits for {missing}: {base.commit[:12]} does not have it any more")
    return _on_stack(repo, branches, base, stack)


def _on_stack(
    repo: Repo, branches: BranchContext, base: RunBase, stack: Sequence[StackedSubmission]
) -> RunBase | NoBase:
    onto = merge_stack(repo, base.commit, branches.target, stack)
    if isinstance(onto, StackConflict):
        return NoBase(reason=f"waits: {onto.reason}", lasting=True)
    return dataclasses.replace(base, commit=onto)


def _with_target(repo: Repo, branches: BranchContext, facts: BranchFacts, report: BranchReport) -> RunBase:
    if isinstance(report.move, BringIn):
        made = merge_target(repo, facts.integration, facts.target, branches.target)
        if isinstance(made, MergeCommit):
            return RunBase(commit=made.commit)
    return RunBase(commit=facts.integration, lacks=report.lacks)


def _missing_tasks(repo: Repo, base: str, needed: Sequence[NeededLanding]) -> str:
    """Tasks whose landing the commit does not contain."""
    proven = [
        one.landing for one in needed if one.proof and repo.commit(one.proof) and repo.is_ancestor(one.proof, base)
    ]
    rest = [one.landing for one in needed if one.landing not in proven]
    found = contained_in(repo, rest, base) if rest else frozenset[Landing]()
    return ", ".join(landing.task for landing in rest if landing not in found)
