"""Checkouts in which a person resolves a conflict, with any editor or `git mergetool`.

    STATE/resolutions/TASK/work            a private repository: the submission, with the tip being merged into it
    STATE/resolutions/TASK/checkout.json   what it was opened for; absent while it is half-made

It is no worktree of the user's repository: nothing that is done here moves a branch there. What was resolved comes out
through quarantine like an agent's work. Opened again for the same conflict, a checkout is as it was left.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from coworkd.core.conflict_markers import marker_lines
from coworkd.core.errors import RepoError, printable
from coworkd.core.redaction import NO_SECRETS, Secrets
from coworkd.slots.left_markers import left_markers, marker_places
from coworkd.slots.private_repo import CHECKOUT_TIMEOUT, PrivateRepo
from coworkd.slots.repo_template import CommitIdentity, master_files, survey
from coworkd.slots.slot import TIP, Slot, SlotAssignment
from coworkd.slots.submission import ImportedCommit, NothingChanged, Rejected, SubmissionRequest, submit_commit
from coworkd.slots.work_snapshots import keep_work
from coworkd.system.durable_files import write_json
from coworkd.system.git import Repo
from coworkd.system.git.refs import operation_under_way, task_branch
from coworkd.system.sandbox.policy import UNCONFINED, SandboxCapabilities

_MAX_SHOWN = 20
"""Places that one refusal names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenConflict:
    """The conflict that a checkout is for."""

    task: str
    root: str
    """The user's worktree."""
    commit: str
    """The submission."""
    tip: str
    """What it conflicts with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionCheckout:
    """A checkout that is ready."""

    work: Path
    unresolved: tuple[str, ...]
    """Paths that are not staged yet."""
    continued: bool
    """It was there before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionRequest:
    """How what was resolved is to be filed."""

    conflict: TakenConflict
    number: int
    """N of `refs/cowork/sub/TASK/N`."""
    message: str
    """For the commit that is made of what is staged."""
    secrets: Secrets = NO_SECRETS


def open_resolution(
    repo: Repo, state: Path, conflict: TakenConflict, means: SandboxCapabilities = UNCONFINED
) -> ResolutionCheckout:
    """The checkout of a conflict, made where there is none for it yet.

    What an earlier conflict of the task left there is kept in `refs/cowork/snap/TASK/` first. Raises RepoError.
    """
    private = _private_repo(repo, state, conflict.task, means)
    before = _recorded(private.folder)
    if before == conflict:
        return ResolutionCheckout(work=private.work, unresolved=_unresolved(private), continued=True)
    if before is not None:
        keep_work(repo, private, before.task, before.commit)
    shutil.rmtree(private.folder, ignore_errors=True)
    _begin_merge(repo, private, conflict)
    write_json(private.folder / "checkout.json", asdict(conflict))
    return ResolutionCheckout(work=private.work, unresolved=_unresolved(private), continued=False)


def submit_resolution(
    repo: Repo, state: Path, request: ResolutionRequest, means: SandboxCapabilities = UNCONFINED
) -> ImportedCommit | Rejected:
    """File what is staged or committed in the checkout as a submission; nothing is filed while something is open.

    Doing it once more with nothing changed files the same commit. Raises RepoError.
    """
    conflict = request.conflict
    private = _private_repo(repo, state, conflict.task, means)
    if _recorded(private.folder) != conflict:
        return Rejected(reason=f"no checkout is open for this conflict: `coworkd resolve {conflict.task}` opens one")
    with private.reading() as git:
        if reason := _open_reason(private, git):
            return Rejected(reason=reason)
        commit = _staged_commit(private, git, request.message)
        if reason := _incomplete_reason(git, commit, conflict):
            return Rejected(reason=reason)
    _conclude_merge(private, commit)
    slot = Slot(
        number=0, private=private, setup_key="",
        assignment=SlotAssignment(task=conflict.task, agent="", base=conflict.commit),
    )  # fmt: skip
    delivery = SubmissionRequest(
        number=request.number, message=request.message, tip=conflict.tip, secrets=request.secrets
    )
    outcome = submit_commit(repo, slot, delivery, commit)
    if isinstance(outcome, NothingChanged):
        return Rejected(
            reason="the result is what has landed already, nothing of the change is left in it:"
            f" if that is right, `coworkd cancel {conflict.task}` closes the task"
        )
    return outcome


def workspace_of(folder: Path) -> Path | None:
    """The user's worktree, for a folder in a checkout of a conflict; None for any other folder."""
    for place in (folder, *folder.parents):
        if place.name == "work" and (found := _recorded(place.parent)) is not None:
            return Path(found.root)
    return None


def resolution_folder(state: Path, task: str) -> Path:
    """Where the checkout of a task is, if there is one."""
    return state / "resolutions" / task


def _private_repo(repo: Repo, state: Path, task: str, means: SandboxCapabilities) -> PrivateRepo:
    return PrivateRepo(folder=resolution_folder(state, task), object_format=repo.object_format, means=means)


def _recorded(folder: Path) -> TakenConflict | None:
    try:
        return TakenConflict(**json.loads((folder / "checkout.json").read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


# ---- opening


def _begin_merge(repo: Repo, private: PrivateRepo, conflict: TakenConflict) -> None:
    """Stand on the submission and merge the tip into it, which stops at the conflict."""
    survey(repo, conflict.commit)
    private.folder.mkdir(parents=True)
    private.begin(master_files(repo, _person(repo)), task_branch(conflict.task))
    private.check_out(conflict.commit, clean=False, ignored=False)
    private.run("update-ref", "--no-deref", TIP, conflict.tip)
    merge = ("merge", "--quiet", "--no-ff", "--no-commit", "-m", f"Merge {conflict.tip[:12]}", TIP)
    merged = private.run(*merge, check=False, timeout=CHECKOUT_TIMEOUT)
    if merged.code not in (0, 1):
        raise RepoError(f"git cannot merge {conflict.tip[:12]} in {private.work}: {merged.err.strip()}")


def _person(repo: Repo) -> CommitIdentity:
    """The user, as git knows them in their repository."""
    name, _, rest = repo.run("var", "GIT_AUTHOR_IDENT", env=repo.author()).text.partition(" <")
    return CommitIdentity(name=name, email=rest.partition(">")[0])


# ---- taking


def _unresolved(private: PrivateRepo) -> tuple[str, ...]:
    """Paths that the merge left in conflict and that are not staged."""
    entries = private.run("ls-files", "--unmerged", "-z").fields
    return tuple(sorted({entry.partition("\t")[2] for entry in entries}))


def _open_reason(private: PrivateRepo, git: Repo) -> str:
    """What is still to be resolved, or finished; empty: nothing."""
    if unresolved := _unresolved(private):
        return _places([place for path in unresolved for place in _unresolved_places(private, path)])
    operation = operation_under_way(git)
    return f"a {operation} is under way in {private.work}: finish it first" if operation not in ("", "merge") else ""


def _unresolved_places(private: PrivateRepo, path: str) -> list[str]:
    """Where a path that is not staged is still in conflict."""
    file = private.work / path
    content = file.read_bytes() if file.is_file() and not file.is_symlink() else b""
    return marker_places(path, marker_lines(content)) or [f"{path}: not staged; `git add` it, or `git rm`"]


def _places(places: list[str]) -> str:
    more = [f"and {len(places) - _MAX_SHOWN} more"] if len(places) > _MAX_SHOWN else []
    return "the conflict is not resolved yet:\n" + "\n".join(map(printable, [*places[:_MAX_SHOWN], *more]))


def _staged_commit(private: PrivateRepo, git: Repo, message: str) -> str:
    """HEAD, or a commit of what is staged on top of it; nothing in the checkout changes."""
    head, tree = git.commit("HEAD"), private.run("write-tree", timeout=CHECKOUT_TIMEOUT).text
    if head is None:
        raise RepoError(f"HEAD in {private.work} names no commit")
    merge_head = private.git_dir / "MERGE_HEAD"
    merging = merge_head.read_text().split() if merge_head.is_file() else []
    if not merging and tree == git.tree_of(head):
        return head
    parents = [word for parent in (head, *merging) for word in ("-p", parent)]
    return private.run("commit-tree", tree, *parents, stdin=message.encode()).text


def _conclude_merge(private: PrivateRepo, commit: str) -> None:
    """Have the checkout stand on the commit: taken once more, it is the same one."""
    private.run("update-ref", "-m", "commit: by coworkd", "HEAD", commit)
    for name in ("MERGE_HEAD", "MERGE_MSG", "MERGE_MODE"):
        (private.git_dir / name).unlink(missing_ok=True)


def _incomplete_reason(git: Repo, commit: str, conflict: TakenConflict) -> str:
    """Why a commit does not resolve the conflict; empty: it does."""
    if not git.is_ancestor(conflict.commit, commit):
        return f"what is committed does not build on the submission {conflict.commit[:12]}"
    if not git.is_ancestor(conflict.tip, commit):
        return f"what has landed is not merged in: `git merge {TIP}` in the checkout begins the merge again"
    places = left_markers(git, commit, conflict.commit, conflict.tip)
    return _places(places) if places else ""
