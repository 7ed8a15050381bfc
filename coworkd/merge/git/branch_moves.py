"""Moving the integration branch: each move is one transaction, with what it took from the target.

All moves but landings, which `git.integration` makes. False: the branch moved meanwhile, and the facts are read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coworkd.core.errors import RepoError
from coworkd.merge.branch_rules import BranchFacts
from coworkd.merge.git.ancestry import first_parents
from coworkd.merge.git.facts import BranchContext, own_commits
from coworkd.merge.git.integration import TARGET_TRAILER, MergeCommit, commit_merge
from coworkd.merge.git.loss_check import lacks_lines, prove_merge
from coworkd.merge.git.remembered_resolutions import merge_as_before
from coworkd.merge.git.revert_commits import undone_landing
from coworkd.merge.git.transplant import copy_commit, sides
from coworkd.merge.git.tree_merge import Conflicted, RememberedResolution, merge_trees
from coworkd.store.landings import Landing
from coworkd.system.git import Repo
from coworkd.system.git.numbered_refs import next_number_under, numbered_refs
from coworkd.system.git.refs import (
    CANDIDATES,
    DROPPED,
    LANDINGS,
    RefChange,
    branch_ref,
    candidate_ref,
    checked_out,
    dropped_ref,
    is_symbolic,
    landing_ref,
    seen_ref,
    taken_ref,
    update_refs,
)

REMERGED_TRAILER = "Cowork-Again"
"""Names the landing that a rebuilt integration branch has in this form now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildFailure:
    """What could not be merged again: a landing, or a commit that a person made on integration."""

    commit: str
    landing: Landing | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """Integration made again: the target, then each landing that it lacks."""

    commit: str
    merged: tuple[tuple[Landing, str], ...]
    """Each landing that was merged again, and the merge that stands for it now."""
    failed: tuple[RebuildFailure, ...]
    proofs: Mapping[str, str] = field(default_factory=dict[str, str])
    """How it is known that a merge that was made now lost nothing, by its commit."""
    resolved: tuple[RememberedResolution, ...] = ()
    """Conflicts that were resolved as before."""


def move_branch(
    repo: Repo, branches: BranchContext, facts: BranchFacts, new: str, *, landings: Sequence[str] = ()
) -> bool:
    """Move integration to a commit that has all of the target, with the landings that were merged again for it.

    `landings` are those merges; with any, what integration was before stays for a while as a candidate.
    """
    name = branch_ref(branches.branch)
    if name in checked_out(repo):
        raise RepoError(f"{branches.branch} is checked out in a worktree: switch that worktree to another branch")
    if is_symbolic(repo, name):
        raise RepoError(f"{branches.branch} is only another name for a different branch; make it a branch of its own")
    first = next_number_under(repo, LANDINGS) if landings else 0
    changes = [
        RefChange(name=name, old=facts.integration or None, new=new),
        *_taken_ref_changes(repo, branches.target, facts.target),
    ]
    changes += [
        RefChange(name=landing_ref(number), old=None, new=commit) for number, commit in enumerate(landings, first)
    ]
    if landings and facts.integration:
        kept = candidate_ref(next_number_under(repo, CANDIDATES))
        changes.append(RefChange(name=kept, old=None, new=facts.integration))
    return update_refs(repo, changes)


def restore_branch(repo: Repo, branches: BranchContext, commit: str) -> bool:
    """Make integration again where it was; what it took from the target stays as recorded."""
    if branch_ref(branches.branch) in checked_out(repo):
        raise RepoError(f"{branches.branch} is checked out in a worktree: switch that worktree to another branch")
    return update_refs(repo, [RefChange(name=branch_ref(branches.branch), old=None, new=commit)])


def _taken_ref_changes(repo: Repo, target: str, commit: str) -> list[RefChange]:
    old = repo.commit(taken_ref(target))
    return [RefChange(name=taken_ref(target), old=old, new=commit)] if old != commit else []


def record_taken(repo: Repo, branches: BranchContext, facts: BranchFacts) -> None:
    """Record what integration has of the target, also where a person merged it; a landed landing is none of its own."""
    if facts.target_in_integration:
        update_refs(repo, _taken_ref_changes(repo, branches.target, _latest_own_commit(repo, branches, facts.target)))


def _latest_own_commit(repo: Repo, branches: BranchContext, target: str) -> str:
    """The target's latest commit that is not a landing.

    Where nothing is recorded, what both branches have is no better than a guess, which would follow a target that
    loses commits: all of the target counts.
    """
    recorded = repo.commit(taken_ref(branches.target))
    if recorded is None or recorded == target:
        return target
    chain = [commit for commit, _ in first_parents(repo, target, [recorded])]
    ours = own_commits(repo, chain)
    return next((commit for commit in chain if commit not in ours), recorded)


def record_target(repo: Repo, target_name: str, target: str) -> None:
    """Record where the target stands; where it was rewritten, the commit before keeps what was dropped known."""
    name = seen_ref(target_name)
    seen = repo.commit(name)
    if seen == target:
        return
    changes = [RefChange(name=name, old=seen, new=target)]
    if seen is not None and not repo.is_ancestor(seen, target):
        number = next_number_under(repo, DROPPED)
        changes.append(RefChange(name=dropped_ref(number), old=None, new=seen))
    update_refs(repo, changes)


def dropped_commits(repo: Repo, without: Sequence[str]) -> frozenset[str]:
    """Commits that a person dropped from the target and that none of `without` has."""
    dropped = list(numbered_refs(repo, DROPPED).values())
    if not dropped:
        return frozenset()
    return frozenset(repo.commits_between(dropped, without))


def merge_target(repo: Repo, tip: str, target: str, name: str) -> MergeCommit | Conflicted:
    """A commit of the target merged into `tip`, as a commit that no ref names yet; `name` is the target's."""
    merged = merge_trees(repo, tip, target)
    if isinstance(merged, Conflicted):
        return merged
    message = f"Bring in {name}\n\n{TARGET_TRAILER}: {name} {target}\n"
    return commit_merge(repo, merged, (tip, target), message)


# ---- making it again


def rebuild(repo: Repo, facts: BranchFacts, needs: Mapping[str, Sequence[str]]) -> Rebuilt:
    """Merge onto the target each landing that it lacks, in order; moves nothing.

    What cannot be merged is left out, and so is what depends on it. What was dropped comes back neither in files nor in
    history: a landing that was built on it is merged by its own change alone.
    """
    tip = facts.target
    merged: list[tuple[Landing, str]] = []
    failed: list[RebuildFailure] = []
    proofs: dict[str, str] = {}
    resolved: list[RememberedResolution] = []
    for commit, landing in _commits_to_merge_again(repo, facts):
        blocker = _blocked_reason(landing, failed, needs) or _root_reason(repo, commit)
        made = blocker or _merge_again(repo, tip, commit, landing)
        if isinstance(made, str):
            failed.append(RebuildFailure(commit=commit, landing=landing, reason=made))
            continue
        tip = made.commit
        proofs |= {tip: made.proof} if made.proof else {}
        resolved += made.resolved
        merged += [(landing, tip)] if landing else []
    return Rebuilt(commit=tip, merged=tuple(merged), failed=tuple(failed), proofs=proofs, resolved=tuple(resolved))


def _blocked_reason(
    landing: Landing | None, failed: Sequence[RebuildFailure], needs: Mapping[str, Sequence[str]]
) -> str:
    """Why a landing is not even tried: what it builds on could not be merged."""
    if landing is None:
        return ""
    gone = {failure.landing.task for failure in failed if failure.landing}
    needed = [task for task in (landing.task, *needs.get(landing.task, ())) if task in gone]
    return f"it builds on {needed[0]}, which cannot be merged" if needed else ""


def _root_reason(repo: Repo, commit: str) -> str:
    """Why a commit without a parent is not merged: nothing says what of its files is its change."""
    return "" if repo.commit(f"{commit}^1") else "it begins a history of its own"


def _commits_to_merge_again(repo: Repo, facts: BranchFacts) -> list[tuple[str, Landing | None]]:
    """What has to be merged again: landings, and what a person committed on integration, as they stood there."""
    undelivered = {fact.landing.commit: fact.landing for fact in facts.undelivered}
    wanted = {**dict.fromkeys(facts.handmade), **undelivered}
    without = [facts.target, *([facts.taken] if facts.taken else [])]
    there = [c for c, _ in first_parents(repo, facts.integration, without)] if facts.integration else []
    chain = [commit for commit in reversed(there) if commit in wanted]
    elsewhere = [commit for commit in wanted if commit not in set(chain)]
    return [(commit, wanted[commit]) for commit in (*elsewhere, *chain)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _MergedAgain:
    """The tip with the change of a landing or commit."""

    commit: str
    proof: str = ""
    """How it is known that nothing was lost; empty: it is the very same commit as before."""
    resolved: tuple[RememberedResolution, ...] = ()


def _merge_again(repo: Repo, tip: str, commit: str, landing: Landing | None) -> _MergedAgain | str:
    """The tip with the change; the very same commit where it stands on this tip already; or why that is not made."""
    if repo.commit(f"{commit}^1") == tip:
        return _MergedAgain(commit=commit)
    undone = undone_landing(repo, landing) if landing else ""
    # It changed nothing where the landing was gone already, which may be merged again now.
    base, theirs = (undone, f"{undone}^1") if undone else (f"{commit}^1", commit)
    apart = sides(repo, base=base, ours=tip, theirs=theirs)
    merged = merge_as_before(repo, apart.ours, apart.theirs)
    if isinstance(merged, Conflicted):
        return f"conflict in {', '.join(merged.paths)}"
    if landing is None:
        made = copy_commit(repo, commit, merged.tree, (tip,))
    else:
        work = copy_commit(repo, f"{commit}^2", merged.tree, (tip,))
        made = copy_commit(repo, commit, merged.tree, (tip, work), f"{REMERGED_TRAILER}: {commit}")
    proof = prove_merge(repo, apart.ours, apart.theirs, apart.base, made, merged.resolved)
    if not proof.ok or lacks_lines(proof.detail):
        return f"merged again it would lose something: {proof.detail}"
    return _MergedAgain(commit=made, proof=proof.detail, resolved=merged.resolved)
