"""Work kept from a slot before it is recycled or removed, and on a timer: nothing an agent made is thrown away."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.errors import RepoError
from coworkd.slots.pack_import import admitted, export, quarantined
from coworkd.slots.private_repo import PrivateRepo
from coworkd.slots.uncommitted_changes import uncommitted
from coworkd.system.git import Repo
from coworkd.system.git.refs import RefChange, ref_names, refs_under, snapshot_prefix, submission_ref, update_refs

_MAX_ATTEMPTS = 5


class SavedKind(StrEnum):
    """What a kept commit was."""

    UNCOMMITTED = "uncommitted"
    COMMITS = "commits"
    STASH = "stash"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedCommit:
    """One commit that now has a ref in the user's repository."""

    ref: str
    commit: str
    what: SavedKind


def keep_work(repo: Repo, private: PrivateRepo, task: str, base: str) -> tuple[SavedCommit, ...]:
    """Bring every piece of work that `repo` has no ref for into `refs/cowork/snap/TASK/N`; empty when there is none."""
    with private.reading() as git:
        commits = _work_commits(private, git, base)
        new = [commit_id for commit_id in commits if commit_id not in {base, *_first_submissions(repo, task)}]
        if not new:
            return ()
        known = [base, *_stored_commits(repo, task)]
        tips = [tip for tip in _independent_commits(private, new) if git.commits_between([tip], known)]
    if not tips:
        return ()
    pack = export(private, tips, known)
    with quarantined(repo, pack, tips, known) as quarantine, admitted(quarantine):
        names = _write_refs(repo, snapshot_prefix(task), tips)
    return tuple(SavedCommit(ref=name, commit=tip, what=commits[tip]) for name, tip in zip(names, tips, strict=True))


def worktree_commit(private: PrivateRepo, base: str) -> tuple[str, str]:
    """The commit of the worktree as it is, and its tree."""
    with private.reading() as git:
        commit = _snapshot(private, git, base) or git.commit("HEAD") or base
        return commit, git.tree_of(commit)


_MAX_PROBED = 16


def _first_submissions(repo: Repo, task: str) -> list[str]:
    """Most tasks have few submissions: these are found without listing refs."""
    names = [submission_ref(task, number) for number in range(1, _MAX_PROBED + 1)]
    return [commit for commit in repo.resolve_all(names) if commit]


def _stored_commits(repo: Repo, task: str) -> list[str]:
    submissions = submission_ref(task, 0).rpartition("/")[0]
    stored = [*refs_under(repo, submissions).values(), *refs_under(repo, snapshot_prefix(task)).values()]
    return list(dict.fromkeys(stored))


def _work_commits(private: PrivateRepo, git: Repo, base: str) -> dict[str, SavedKind]:
    """Commits that may hold work, the most telling first."""
    names = ref_names(private.git_dir, ("refs/heads", "refs/tags"))
    heads = [head for head in git.resolve_all([f"{name}^{{commit}}" for name in (*names, "HEAD")]) if head]
    commits = dict.fromkeys(_stash_commits(private, git), SavedKind.STASH)
    commits |= dict.fromkeys(heads, SavedKind.COMMITS)
    snapshot = _snapshot(private, git, base)
    return commits | ({snapshot: SavedKind.UNCOMMITTED} if snapshot else {})


def _independent_commits(private: PrivateRepo, commits: list[str]) -> list[str]:
    """Those that no other one contains."""
    if len(commits) < 2:
        return commits
    return private.run("merge-base", "--independent", *commits).text.split()


def _write_refs(repo: Repo, prefix: str, tips: list[str]) -> list[str]:
    for _ in range(_MAX_ATTEMPTS):
        taken = [int(name.rpartition("/")[2]) for name in refs_under(repo, prefix)]
        names = [f"{prefix}/{number}" for number, _ in enumerate(tips, max(taken, default=0) + 1)]
        if update_refs(repo, [RefChange(name=name, old=None, new=tip) for name, tip in zip(names, tips, strict=True)]):
            return names
    raise RepoError(f"another program keeps writing {prefix}/*; nothing was kept")


def _snapshot(private: PrivateRepo, git: Repo, base: str) -> str | None:
    work = uncommitted(private, git)
    if not work.differs and not work.unmerged:
        return None
    # The date is that of the last commit, so that the same work is the same commit however often it is kept.
    parents = work.parents or (base,)
    return _dated_commit(private, work.tree, parents, str(git.commits(parents[:1])[0].time))


def _dated_commit(private: PrivateRepo, tree: str, parents: tuple[str, ...], date: str) -> str:
    arguments = [word for parent in parents for word in ("-p", parent)]
    env = {"GIT_AUTHOR_DATE": f"@{date} +0000", "GIT_COMMITTER_DATE": f"@{date} +0000"}
    message = b"Uncommitted work, kept by coworkd\n"
    return private.run("commit-tree", tree, *arguments, stdin=message, env=env).text


def _stash_commits(private: PrivateRepo, git: Repo) -> list[str]:
    if git.commit("refs/stash") is None:
        return []
    listed = private.run("log", "--walk-reflogs", "--format=%H", "refs/stash", "--", check=False)
    return listed.text.split() if listed.code == 0 else []
