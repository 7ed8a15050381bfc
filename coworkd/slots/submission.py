"""From what an agent left in its slot to a commit that the merge queue may believe.

Uncommitted work is committed on the agent's branch, the commit to submit is chosen, `.cowork/` is taken out of it, and
it comes out as a pack through quarantine. Nested repositories come along as ordinary files, or nothing is submitted.
Everything the agent made that is not submitted stays in the slot, for `keep_slot_work`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from coworkd.core.errors import RepoError
from coworkd.core.redaction import NO_SECRETS, Secrets
from coworkd.slots.import_checks import import_reason, secrets_reason
from coworkd.slots.left_markers import left_markers
from coworkd.slots.nested import clone_reason, submodule_reason
from coworkd.slots.pack_import import admitted, export, quarantined
from coworkd.slots.private_repo import PrivateRepo
from coworkd.slots.slot import Slot
from coworkd.slots.tree_paths import is_reserved, touched_paths, unfit_paths
from coworkd.slots.uncommitted_changes import UncommittedWork, uncommitted
from coworkd.system.git import Repo
from coworkd.system.git.refs import RefChange, checked_out, operation_under_way, submission_ref, update_refs
from coworkd.system.git.trees import TreeEntry, files_of

_MAX_PLACES = 10
"""Conflict markers that one refusal names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRequest:
    """How a submission is to be filed."""

    number: int
    """N of `refs/cowork/sub/TASK/N`."""
    message: str
    """For the commit that is made of uncommitted work, and for one that had to be made again."""
    tip: str = ""
    """The commit that a run which resolves a conflict was to merge in."""
    secrets: Secrets = NO_SECRETS
    """What must not be in it, beside the forms that every secret of a provider has."""
    moves_branch: bool = True
    """The task's branch is moved to it. False for one of several proposals, which may be made at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedCommit:
    """The change, as the queue will merge it."""

    commit: str
    tree: str
    dropped_paths: tuple[str, ...]
    """Taken out because no submission may change them."""
    notice: str
    nested: tuple[str, ...] = ()
    """Folders that were repositories of their own; their files are in it, their histories are not."""
    merged_tip: bool = False
    """It contains the commit that a run which resolves a conflict was to merge in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingChanged:
    """The files are those of the base, or of the tip where that was merged in."""

    dropped_paths: tuple[str, ...]
    notice: str
    merged_tip: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """What is in the slot is no submission; nothing of it was changed."""

    reason: str


SubmissionOutcome = ImportedCommit | NothingChanged | Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class _ChosenCommit:
    commit: str
    known: tuple[str, ...]
    """The base and, where it was merged in, the tip; the last one is what the result is compared with."""
    notice: str
    dropped: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()


def submit(repo: Repo, slot: Slot, request: SubmissionRequest) -> SubmissionOutcome:
    """Turn what is in the slot into a submission, filed under its refs.

    Nothing of the agent's may run in the slot any more. Raises RepoError when git cannot read the slot, or when the
    number is taken by another commit.
    """
    slot.private.unlock()
    with slot.private.reading() as git:
        chosen = _commit_to_submit(slot, git, request)
    return chosen if isinstance(chosen, Rejected | NothingChanged) else _import_commit(repo, slot, request, chosen)


def submit_commit(repo: Repo, slot: Slot, request: SubmissionRequest, commit: str) -> SubmissionOutcome:
    """Turn a commit that builds on the slot's base and contains `request.tip` into a submission, filed as by `submit`.

    What is not committed is no part of it.
    """
    with slot.private.reading() as git:
        whole = _ChosenCommit(commit=commit, known=(slot.assignment.base, request.tip), notice="")
        chosen = _checked(slot.private, git, whole, request.message)
    return chosen if isinstance(chosen, Rejected | NothingChanged) else _import_commit(repo, slot, request, chosen)


def _commit_to_submit(slot: Slot, git: Repo, request: SubmissionRequest) -> _ChosenCommit | Rejected | NothingChanged:
    """The commit to import, with uncommitted work in it; `git` reads the slot's repository."""
    private = slot.private
    work = uncommitted(private, git)
    if reason := _unfinished_reason(git, work) or clone_reason(private, work.nested):
        return Rejected(reason=reason)
    _commit_uncommitted(private, work, request.message)
    chosen = _choose_commit(slot, git, request.tip)
    if isinstance(chosen, Rejected):
        return chosen
    if request.tip and (places := left_markers(git, chosen.commit, slot.assignment.base, request.tip)):
        more = f" and {len(places) - _MAX_PLACES} more" if len(places) > _MAX_PLACES else ""
        return Rejected(reason=f"the conflict was not resolved: {', '.join(places[:_MAX_PLACES])}{more}")
    return _checked(private, git, replace(chosen, dropped=work.left_out, nested=work.nested), request.message)


def _checked(
    private: PrivateRepo, git: Repo, chosen: _ChosenCommit, message: str
) -> _ChosenCommit | Rejected | NothingChanged:
    """The commit as it may be imported, without what no submission may change."""
    if reason := submodule_reason(git, chosen.commit, chosen.known):
        return Rejected(reason=reason)
    bad = unfit_paths(touched_paths(git, chosen.commit, chosen.known))
    commit = _commit_without_workspace(private, git, chosen, message) if bad else chosen.commit
    dropped = tuple(sorted({*chosen.dropped, *filter(is_reserved, bad)}))
    if git.tree_of(commit) == git.tree_of(chosen.known[-1]):
        return NothingChanged(dropped_paths=dropped, notice=chosen.notice, merged_tip=len(chosen.known) > 1)
    if reason := import_reason(git, commit, chosen.known):
        return Rejected(reason=reason)
    return replace(chosen, commit=commit, dropped=dropped)


def _unfinished_reason(git: Repo, work: UncommittedWork) -> str:
    if work.unmerged:
        return f"conflicts were left unresolved in {', '.join(work.unmerged)}"
    operation = operation_under_way(git)
    # A merge without conflicts is finished by the commit that is made anyway.
    return f"a {operation} was left unfinished" if operation not in ("", "merge") else ""


def _commit_uncommitted(private: PrivateRepo, work: UncommittedWork, message: str) -> None:
    """Commit the worktree where HEAD stands."""
    if work.parents and work.differs:
        commit = _commit(private, work, message)
        private.run("update-ref", "-m", "commit: by coworkd", "HEAD", commit, work.parents[0])
        os.replace(work.index, private.git_dir / "index")
        for name in ("MERGE_HEAD", "MERGE_MSG", "MERGE_MODE"):
            (private.git_dir / name).unlink(missing_ok=True)


def _commit(private: PrivateRepo, work: UncommittedWork, message: str) -> str:
    parents = [word for parent in work.parents for word in ("-p", parent)]
    return private.run("commit-tree", work.tree, *parents, stdin=message.encode()).text


def _choose_commit(slot: Slot, git: Repo, tip: str) -> _ChosenCommit | Rejected:
    base = slot.assignment.base
    head, branch = git.commit("HEAD"), git.commit(slot.branch)
    on_branch = branch is not None and branch != base and git.is_ancestor(base, branch)
    if head and git.is_ancestor(base, head) and not (head == base and on_branch):
        commit, notice = head, _head_notice(slot, git, head, branch)
    elif branch and on_branch:
        commit, notice = branch, f"HEAD did not stand on the work: {_short(slot.branch)} was submitted"
    else:
        start = f"{base[:12]}, the commit that the run started from"
        return Rejected(reason=f"nothing in the slot builds on {start}: commit on top of it, and leave `.git` alone")
    merged = (tip,) if tip and git.is_ancestor(tip, commit) else ()
    return _ChosenCommit(commit=commit, known=(base, *merged), notice=notice)


def _head_notice(slot: Slot, git: Repo, head: str, branch: str | None) -> str:
    place = slot.private.head_line()
    name = place.removeprefix("ref: ") if place.startswith("ref: ") else ""
    if name == slot.branch or head == branch:
        return ""
    missing = branch is not None and not git.is_ancestor(branch, head)
    rest = f"; the commits of {_short(slot.branch)} are not in it and stay kept" if missing else ""
    return f"submitted from {_short(name) or 'a detached HEAD'} instead of {_short(slot.branch)}{rest}"


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/")


def _commit_without_workspace(private: PrivateRepo, git: Repo, chosen: _ChosenCommit, message: str) -> str:
    """One commit with the files of `chosen.commit`, and `.cowork/` as in the last known commit.

    It stands for all the agent's commits: one of them holds what may not come in.
    """
    index = private.indexes / "filter"
    index.unlink(missing_ok=True)
    env = {"GIT_INDEX_FILE": str(index)}
    private.run("read-tree", chosen.commit, env=env)
    before = [entry for entry in files_of(git, chosen.known[-1]) if is_reserved(entry.path)]
    removed = [entry for entry in files_of(git, chosen.commit) if is_reserved(entry.path)]
    private.run("update-index", "-z", "--index-info", stdin=_index_lines(removed, before), env=env)
    tree = private.run("write-tree", env=env).text
    parents = private.run("merge-base", "--independent", *chosen.known).text.split()
    # Dated like the commit it stands for: submitting again after a crash makes the same commit.
    date = f"@{git.commits([chosen.commit])[0].time} +0000"
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    arguments = [word for parent in parents for word in ("-p", parent)]
    return private.run("commit-tree", tree, *arguments, stdin=message.encode(), env=dates).text


def _index_lines(removed: list[TreeEntry], added: list[TreeEntry]) -> bytes:
    lines = [f"0 {'0' * len(entry.object_id)}\t{entry.path}\0" for entry in removed]
    lines += [f"{entry.mode} {entry.object_id}\t{entry.path}\0" for entry in added]
    return os.fsencode("".join(lines))


def _import_commit(repo: Repo, slot: Slot, request: SubmissionRequest, chosen: _ChosenCommit) -> SubmissionOutcome:
    commit, known = chosen.commit, chosen.known
    pack = export(slot.private, [commit], known)
    with quarantined(repo, pack, [commit], known) as quarantine:
        # Checked again here, where no byte is the agent's to change.
        if not quarantine.is_ancestor(slot.assignment.base, commit) or unfit_paths(
            touched_paths(quarantine, commit, known)
        ):
            return Rejected(reason="the slot's history is not what git reported there")
        if reason := import_reason(quarantine, commit, known) or secrets_reason(
            quarantine, commit, known, request.secrets
        ):
            return Rejected(reason=reason)
        tree = quarantine.tree_of(commit)
        with admitted(quarantine):
            _store_ref(repo, slot, request, commit)
    return ImportedCommit(
        commit=commit,
        tree=tree,
        dropped_paths=chosen.dropped,
        notice=chosen.notice,
        nested=chosen.nested,
        merged_tip=len(known) > 1,
    )


def _store_ref(repo: Repo, slot: Slot, request: SubmissionRequest, commit: str) -> None:
    name = submission_ref(slot.assignment.task, request.number)
    filed = repo.commit(name)
    if filed not in (None, commit):
        raise RepoError(f"{name} is already {filed}; a submission is never replaced")
    changes = [] if filed else [RefChange(name=name, old=None, new=commit)]
    if request.moves_branch and slot.branch not in checked_out(repo):
        changes.append(RefChange(name=slot.branch, old=repo.commit(slot.branch), new=commit))
    if not update_refs(repo, changes):
        raise RepoError(f"{name} or {_short(slot.branch)} was written by another program at this moment; submit again")
