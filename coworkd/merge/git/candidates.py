"""From which commits a submission is merged with the tip, so that nothing comes along that a person dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.merge.git.ancestry import ancestors_in
from coworkd.merge.git.branch_moves import dropped_commits
from coworkd.merge.git.integration import MergeCommit, Submission, candidate, commit_merge, landing_message
from coworkd.merge.git.transplant import copy_commit, sides
from coworkd.merge.git.tree_merge import Conflicted, MergeTrees, merge_trees
from coworkd.system.git import Repo
from coworkd.system.git.refs import SUBMISSIONS, branch_ref, refs_under
from coworkd.system.git.trailers import STACKED, TARGET, trailers_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeSources:
    """The three sides of a merge."""

    base: str
    ours: str
    theirs: str
    dropped: bool = False
    """The submission was made on commits that neither branch has any more: only its own change is merged."""
    awaited: str = ""
    """The target's commit, where the submission holds commits of it that integration has not taken yet."""


def find_merge_sources(repo: Repo, *, tip: str, target: str, base: str, commit: str) -> MergeSources:
    """What a submission that was made on `base` is merged from; of a revert, `base` is the landing that it undoes."""
    goal = repo.commit(branch_ref(target)) or tip
    if builds_on_lost(repo, base, commit, (tip, goal)):
        apart = sides(repo, base=base, ours=tip, theirs=commit)
        return MergeSources(base=apart.base, ours=apart.ours, theirs=apart.theirs, dropped=True)
    behind = goal in ancestors_in(repo, [goal], tip)
    awaited = not behind and commits_without(repo, commit, tip) & commits_without(repo, goal, tip)
    return MergeSources(base=base, ours=tip, theirs=commit, awaited=goal if awaited else "")


def builds_on_lost(repo: Repo, base: str, commit: str, branches: Sequence[str]) -> bool:
    """Whether what was made on `base` holds commits that a person dropped from the target or from integration.

    A merge that a run begins with is none: of both branches, while integration has not taken the target's commits, or
    with what the run is stacked on; what was merged there is looked at itself.
    Nor is an earlier submission, with which a run goes on that resolves a conflict. A base that git no longer has says
    nothing.
    """
    contained = bool(base) and any(base in ancestors_in(repo, [base], branch) for branch in dict.fromkeys(branches))
    absent = repo.commits_between([base], branches) if base and not contained and repo.commit(base) else []
    said = trailers_of(repo, absent)
    unmarked = any(not (said[lost][TARGET] or said[lost][STACKED]) for lost in absent)
    if unmarked and base not in refs_under(repo, SUBMISSIONS).values():
        return True
    dropped = dropped_commits(repo, branches)
    return bool(dropped) and not dropped.isdisjoint(repo.commits_between([commit], branches))


def commits_without(repo: Repo, tip: str, without: str) -> frozenset[str]:
    """The commits of one history that the other does not have."""
    return frozenset(repo.commits_between([tip], [without]))


def merge_submission(
    repo: Repo,
    tip: str,
    submission: Submission,
    merge_sources: MergeSources,
    *,
    message: str = "",
    merge: MergeTrees = merge_trees,
) -> MergeCommit | Conflicted:
    """The merge of a submission with the tip; without what was dropped its work is a commit of its own on the tip.

    `message`: of the merge; empty: that of a landing.
    """
    message = message or landing_message(submission)
    if not merge_sources.dropped:
        return candidate(repo, tip, submission, message=message, merge=merge)
    merged = merge(repo, merge_sources.ours, merge_sources.theirs)
    if isinstance(merged, Conflicted):
        return merged
    work = copy_commit(repo, submission.commit, merged.tree, (tip,))
    return commit_merge(repo, merged, (tip, work), message)
