"""One merge: a candidate from trees alone, the proof that it lost nothing, and its landing by compare-and-swap.

Every landing is a merge commit whose first parent is the integration branch, so that a landing can be read, undone and
applied again as one. The trailers tell which task, attempt and submission it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.core.errors import RepoError
from coworkd.merge.git.tree_merge import Clean, Conflicted, MergeTrees, RememberedResolution, merge_trees
from coworkd.system.git import Repo
from coworkd.system.git.refs import RefChange, branch_ref, checked_out, is_symbolic, landing_ref, update_refs
from coworkd.system.git.trailers import SUBMISSION, TARGET, TASK

TASK_TRAILER, SUBMISSION_TRAILER = TASK, SUBMISSION
TARGET_TRAILER = TARGET
"""Marks merges that bring in the target's own commits: they are no landings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What is to be merged: a commit, never a branch name."""

    task: str
    attempt: int
    number: int
    commit: str
    title: str = ""
    """For the first line of the merge; empty: the task's id stands there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeCommit:
    """A candidate; no ref names it yet."""

    commit: str
    tree: str
    resolved: tuple[RememberedResolution, ...] = ()
    """Paths that were resolved as they had been before."""


def candidate(
    repo: Repo, tip: str, submission: Submission, *, message: str = "", merge: MergeTrees = merge_trees
) -> MergeCommit | Conflicted:
    """Merge a submission into `tip` as a new commit with both as parents, also where a fast-forward would do.

    `message`: of the merge; empty: that of a landing. Moves nothing. The caller gives the candidate a ref before all
    else, for a gc takes what has none.
    """
    merged = merge(repo, tip, submission.commit)
    if isinstance(merged, Conflicted):
        return merged
    return commit_merge(repo, merged, (tip, submission.commit), message or landing_message(submission))


def commit_merge(repo: Repo, merged: Clean, parents: tuple[str, ...], message: str) -> MergeCommit:
    """A commit in the user's name (or `coworkd`'s, where git knows no name), without hooks or signature."""
    arguments = [word for parent in parents for word in ("-p", parent)]
    settings = ("-c", "i18n.commitEncoding=UTF-8")
    made = repo.run(*settings, "commit-tree", merged.tree, *arguments, stdin=message.encode(), env=repo.author())
    return MergeCommit(commit=made.text, tree=merged.tree, resolved=merged.resolved)


def landing_message(submission: Submission) -> str:
    """The message of a landing, with the trailers that say what it was."""
    title = " ".join(submission.title.split()) or f"Land {submission.task}"
    return (
        f"{title}\n\n"
        f"{TASK_TRAILER}: {submission.task}\n"
        f"Cowork-Attempt: {submission.attempt}\n"
        f"{SUBMISSION_TRAILER}: {submission.number} {submission.commit}\n"
    )


def land(repo: Repo, branch: str, old: str | None, new: str, sequence: int, *, earlier: Sequence[str] = ()) -> bool:
    """Move the integration branch from `old` (None: it is new) to `new` and record it as `refs/cowork/land/SEQUENCE`.

    `earlier`: landings that `new` was merged with, which land with it and are recorded before it, the oldest first.
    One transaction, whose refs git writes one after another: the branch comes first, so that a reader who takes the
    refs of landings before the branch finds each of them in it. False: the branch is not at `old` any more, build and
    verify again. Raises RepoError when the branch is checked out somewhere, for the files there would not follow.
    """
    name = branch_ref(branch)
    if name in checked_out(repo):
        raise RepoError(
            f"{branch} is checked out in a worktree, where only its user may move it: "
            "switch that worktree to another branch, then landing goes on"
        )
    if is_symbolic(repo, name):
        raise RepoError(f"{branch} is only another name for a different branch; make it a branch of its own")
    landings = [
        RefChange(name=landing_ref(number), old=None, new=commit)
        for number, commit in enumerate((*earlier, new), sequence)
    ]
    return update_refs(repo, [RefChange(name=name, old=old, new=new), *landings])
