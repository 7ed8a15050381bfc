"""Taking a landing back, as a change like any other: the commit that undoes it.

A landing L merged a change into its first parent. The commit made here has the files of that parent and L as its own
parent, so that merging it with the present tip is the three-way merge between the landed tree, the tip and the tree
from before; all that came after L stays. The inverse of an inverse brings the change again, where merging the old
submission once more would silently do nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.merge.git.conflict_bundle import landed_since
from coworkd.merge.git.integration import TASK_TRAILER
from coworkd.system.git import Repo
from coworkd.system.git.refs import RefChange, submission_ref, update_refs
from coworkd.system.git.trees import differences


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertCommit:
    """A submission that undoes a landing, filed under its ref."""

    landing: str
    """The full id of what it undoes."""
    commit: str
    tree: str
    later: tuple[str, ...]
    """Tasks that landed on the same paths since, latest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertFailed:
    """There is nothing to undo, and why."""

    reason: str


def file_revert(repo: Repo, landing: str, task: str, number: int, tip: str) -> RevertCommit | RevertFailed:
    """File the inverse of a landing of `task` as its submission `number`; the same again after a crash."""
    found = repo.commit(landing)
    parent = repo.commit(f"{landing}^1") if found else None
    if found is None or parent is None or repo.commit(f"{landing}^2") is None:
        return RevertFailed(reason=f"{landing} is no landing in this repository")
    if repo.run("log", "-1", f"--format=%(trailers:key={TASK_TRAILER},valueonly)", found).text != task:
        return RevertFailed(reason=f"nothing of `{task}` itself landed with {found[:12]}")
    tree = repo.tree_of(parent)
    if tree == repo.tree_of(found):
        return RevertFailed(reason="nothing was changed by it")
    commit = _commit(repo, found, tree, task)
    name = submission_ref(task, number)
    if repo.commit(name) != commit and not update_refs(repo, [RefChange(name=name, old=None, new=commit)]):
        return RevertFailed(reason=f"{name} is taken by something else")
    paths = tuple(one.path for one in differences(repo, parent, found))
    later = tuple(other for other in landed_since(repo, found, tip, paths) if other != task)
    return RevertCommit(landing=found, commit=commit, tree=tree, later=later)


def _commit(repo: Repo, landing: str, tree: str, task: str) -> str:
    """Dated like the landing, so that the inverse of one landing is always the same commit."""
    date = repo.run("show", "--no-patch", "--format=@%ct +0000", landing).text
    env = {**repo.author(), "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    message = f"{_subject(landing)}\n\n{TASK_TRAILER}: {task}\n"
    return repo.run("commit-tree", tree, "-p", landing, stdin=message.encode(), env=env).text


def undone_landing(repo: Repo, submission: str) -> str:
    """The landing that a submission is the inverse of; empty: it is none."""
    subject, parents = repo.run("log", "-1", "-z", "--format=%s%x00%P", submission).fields[:2]
    return parents if subject == _subject(parents) else ""


def _subject(landing: str) -> str:
    return f"Undo {landing}"


def tip_after_landing(repo: Repo, tip: str, landing: str) -> str:
    """The tip as a descendant of `landing`: the tip itself, or, after a squash or a rebase, its files on top of it."""
    if repo.is_ancestor(landing, tip):
        return tip
    message = f"Files of {tip}\n".encode()
    return repo.run("commit-tree", repo.tree_of(tip), "-p", landing, stdin=message, env=repo.author()).text
