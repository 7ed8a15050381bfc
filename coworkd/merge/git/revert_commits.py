"""Taking a landing back, as a change like any other: the commit that undoes it.

A landing L merged a change into its first parent. The commit made here has the files of that parent and L as its own
parent, so that merging it with the present tip is the three-way merge between the landed tree, the tip and the tree
from before; all that came after L stays. Where the tip does not have L in its history (after a squash, or when L was
lost), it is the same merge of these three trees, and L's history does not come along (`candidates`). The inverse of an
inverse brings the change again, where merging the old submission once more would silently do nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from coworkd.merge.git.conflict_bundle import landed_since
from coworkd.merge.git.integration import TASK_TRAILER
from coworkd.store.landings import Landing
from coworkd.system.git import Repo
from coworkd.system.git.refs import RefChange, submission_ref, update_refs
from coworkd.system.git.trees import differences

_SUBJECT = "Undo "
_FULL_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


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
    if _task_of(repo, found) != task:
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
    message = f"{_SUBJECT}{landing}\n\n{TASK_TRAILER}: {task}\n"
    return repo.run("commit-tree", tree, "-p", landing, stdin=message.encode(), env=env).text


def undone_landing(repo: Repo, landing: Landing) -> str:
    """The landing of the same task that a landing took back; empty: it took none back, or git has that no more.

    Told by the commit that it merged, which says so also as a copy that was made when it was merged again.
    """
    undone = repo.run("log", "-1", "--format=%s", f"{landing.commit}^2").text.removeprefix(_SUBJECT)
    if not _FULL_ID.fullmatch(undone) or repo.commit(f"{undone}^1") is None:
        return ""
    return undone if _task_of(repo, undone) == landing.task else ""


def _task_of(repo: Repo, landing: str) -> str:
    return repo.run("log", "-1", f"--format=%(trailers:key={TASK_TRAILER},valueonly)", landing).text
