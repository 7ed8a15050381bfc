"""Work kept from a slot before it is recycled or removed, and on a timer: nothing an agent made is thrown away."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.errors import RepoError
from coworkd.slots.pack_import import admitted, export, quarantined
from coworkd.slots.private_repo import PrivateRepo
from coworkd.slots.uncommitted_changes import uncommitted, unmerged
from coworkd.system.git import Repo
from coworkd.system.git.refs import RefChange, refs_under, snapshot_prefix, submission_ref, update_refs

_ROUNDS = 5


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
    known = [base, *_already_there(repo, task)]
    pieces = _work_commits(private, base)
    tips = [tip for tip in _independent(private, list(pieces)) if not _is_reachable(private, tip, known)]
    if not tips:
        return ()
    pack = export(private, tips, known)
    with quarantined(repo, pack, tips, known) as seen, admitted(seen):
        names = _write_refs(repo, snapshot_prefix(task), tips)
    return tuple(SavedCommit(ref=name, commit=tip, what=pieces[tip]) for name, tip in zip(names, tips, strict=True))


def present(private: PrivateRepo, base: str) -> tuple[str, str]:
    """The commit of the worktree as it is, and its tree."""
    commit = _snapshot(private, base) or private.resolve("HEAD^{commit}") or base
    return commit, private.resolve(f"{commit}^{{tree}}") or ""


def _already_there(repo: Repo, task: str) -> list[str]:
    submissions = submission_ref(task, 0).rpartition("/")[0]
    there = [*refs_under(repo, submissions).values(), *refs_under(repo, snapshot_prefix(task)).values()]
    return list(dict.fromkeys(there))


def _work_commits(private: PrivateRepo, base: str) -> dict[str, SavedKind]:
    """Commits that may hold work, the most telling first."""
    heads = _commits(private, "refs/heads/", "refs/tags/")
    head = private.resolve("HEAD^{commit}")
    pieces = dict.fromkeys(_stashes(private), SavedKind.STASH)
    pieces |= dict.fromkeys((*heads, *([head] if head else ())), SavedKind.COMMITS)
    snapshot = _snapshot(private, base)
    return pieces | ({snapshot: SavedKind.UNCOMMITTED} if snapshot else {})


def _commits(private: PrivateRepo, *prefixes: str) -> list[str]:
    """The commits that refs name, by a tag of their own too."""
    names = private.run("for-each-ref", "--format=%(refname)", *prefixes).lines
    with private.git() as git:
        return list(filter(None, git.resolve_all([f"{name}^{{commit}}" for name in names])))


def _independent(private: PrivateRepo, commits: list[str]) -> list[str]:
    """Those that no other one contains."""
    return private.run("merge-base", "--independent", *commits).text.split() if commits else []


def _is_reachable(private: PrivateRepo, tip: str, known: list[str]) -> bool:
    revisions = "".join(f"{line}\n" for line in (tip, *(f"^{one}" for one in known)))
    return not private.run("rev-list", "--max-count=1", "--stdin", stdin=revisions.encode()).out


def _write_refs(repo: Repo, prefix: str, tips: list[str]) -> list[str]:
    for _ in range(_ROUNDS):
        taken = [int(name.rpartition("/")[2]) for name in refs_under(repo, prefix)]
        names = [f"{prefix}/{number}" for number, _ in enumerate(tips, max(taken, default=0) + 1)]
        if update_refs(repo, [RefChange(name=name, old=None, new=tip) for name, tip in zip(names, tips, strict=True)]):
            return names
    raise RepoError(f"another program keeps writing {prefix}/*; nothing was kept")


def _snapshot(private: PrivateRepo, base: str) -> str | None:
    now = uncommitted(private)
    if not now.differs(private) and not unmerged(private):
        return None
    # The date is that of the last commit, so that the same work is the same commit however often it is kept.
    parents = now.parents or (base,)
    date = private.run("show", "--no-patch", "--format=%ct", parents[0]).text
    return _dated_commit(private, now.tree, parents, date)


def _dated_commit(private: PrivateRepo, tree: str, parents: tuple[str, ...], date: str) -> str:
    arguments = [word for parent in parents for word in ("-p", parent)]
    env = {"GIT_AUTHOR_DATE": f"@{date} +0000", "GIT_COMMITTER_DATE": f"@{date} +0000"}
    message = b"Uncommitted work, kept by coworkd\n"
    return private.run("commit-tree", tree, *arguments, stdin=message, env=env).text


def _stashes(private: PrivateRepo) -> list[str]:
    listed = private.run("log", "--walk-reflogs", "--format=%H", "refs/stash", "--", check=False)
    return listed.text.split() if listed.code == 0 else []
