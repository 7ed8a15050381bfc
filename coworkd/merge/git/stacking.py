"""The commit that stacked work is merged with: the tip, and on top of it the submissions that have not landed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.merge.git.candidates import find_merge_sources, merge_submission
from coworkd.merge.git.integration import MergeCommit, Submission, commit_merge
from coworkd.merge.git.tree_merge import Clean, Conflicted
from coworkd.store.stacks import StackedSubmission
from coworkd.system.git import Repo
from coworkd.system.git.trailers import STACKED


@dataclass(frozen=True, slots=True, kw_only=True)
class StackConflict:
    """The submissions do not merge with each other, or with the tip."""

    task: str
    """The first that does not."""
    paths: tuple[str, ...]

    @property
    def reason(self) -> str:
        """In words, for the task that is stacked on it."""
        return f"stacked on {self.task}, which conflicts in {', '.join(self.paths)} with what is below it"


def merge_stack(repo: Repo, tip: str, target: str, stack: Sequence[StackedSubmission]) -> str | StackConflict:
    """The tip merged with each of these submissions, one after another; the tip itself where all of them are in it.

    Of one that was made on an earlier submission of another only its own change is merged. No ref names the commit.
    """
    onto = tip
    for parent in stack:
        if repo.is_ancestor(parent.commit, onto):
            continue
        sources = find_merge_sources(repo, tip=onto, target=target, base=parent.base, commit=parent.commit)
        merged = merge_submission(repo, onto, _submission(parent), sources, message=_message(parent))
        if isinstance(merged, Conflicted):
            return StackConflict(task=parent.task, paths=merged.paths)
        onto = merged.commit
    return onto


def supersede(repo: Repo, onto: str, base: str) -> str:
    """A commit with the files of `onto` that git takes for a successor of `base`, on which stacked work was made.

    What is merged with it brings its own change alone, and not once more what it was made on.
    """
    message = f"Build on what was sent again\n\n{STACKED}: {base}\n"
    made: MergeCommit = commit_merge(repo, Clean(tree=repo.tree_of(onto)), (onto, base), message)
    return made.commit


def _submission(parent: StackedSubmission) -> Submission:
    return Submission(task=parent.task, attempt=parent.attempt, number=parent.number, commit=parent.commit)


def _message(parent: StackedSubmission) -> str:
    return f"Build on {parent.task}\n\n{STACKED}: {parent.task} {parent.number} {parent.commit}\n"
