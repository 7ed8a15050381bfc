"""The names coworkd gives to commits, and the one way in which it moves a ref.

    refs/heads/cowork/task/ID    the latest submission, for people to look at
    refs/cowork/sub/ID/N         immutable submissions: what is merged is this commit, never a branch name
    refs/cowork/snap/ID/N        work kept before a slot is recycled or removed
    refs/cowork/base/RUN         pins what a run started from, so that no gc takes it
    refs/cowork/cand/SEQ         candidate merges
    refs/cowork/land/SEQ         landed merges
    refs/cowork/taken/TARGET     the last commit of the target branch that the integration branch took
    refs/cowork/seen/TARGET      where the target branch was seen last
    refs/cowork/dropped/SEQ      where the target branch stood before a person rewrote it
    refs/cowork/resolutions/KEY  how a conflict of a path was resolved

Refs move by compare-and-swap only. A branch that is checked out in any of the user's worktrees is not moved here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.errors import RepoError
from coworkd.system.git import Repo
from coworkd.system.git.ref_writer import UPDATE_REF_COMMAND

TASKS = "refs/heads/cowork/task/"
UNLOGGED = "refs/cowork/"
"""Refs of coworkd's own, whose moves git does not log."""
DROPPED = "refs/cowork/dropped"
RESOLUTIONS = "refs/cowork/resolutions"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefChange:
    """Move `name` from `old` to `new`; None stands for "does not exist"."""

    name: str
    old: str | None
    new: str | None


SUBMISSIONS, LANDINGS, CANDIDATES = "refs/cowork/sub", "refs/cowork/land", "refs/cowork/cand"
"""Folders of refs with numbers."""


def task_branch(task: str) -> str:
    return TASKS + _component(task)


def submission_ref(task: str, number: int) -> str:
    return f"refs/cowork/sub/{_component(task)}/{number}"


def snapshot_prefix(task: str) -> str:
    """The folder of a task's kept work, without the final slash."""
    return f"refs/cowork/snap/{_component(task)}"


def base_ref(run: str) -> str:
    return f"refs/cowork/base/{_component(run)}"


def candidate_ref(sequence: int) -> str:
    return f"{CANDIDATES}/{sequence}"


def landing_ref(sequence: int) -> str:
    return f"{LANDINGS}/{sequence}"


def taken_ref(target: str) -> str:
    return f"refs/cowork/taken/{_one_component(target)}"


def seen_ref(target: str) -> str:
    return f"refs/cowork/seen/{_one_component(target)}"


def dropped_ref(sequence: int) -> str:
    return f"{DROPPED}/{sequence}"


def resolution_ref(key: str) -> str:
    return f"{RESOLUTIONS}/{key}"


def _one_component(branch: str) -> str:
    # One level only: `a` and later `a/b` may both have been targets.
    return branch.removeprefix("refs/heads/").replace("+", "++").replace("/", "+-")


def branch_ref(branch: str) -> str:
    """The full name of a branch that may already be one."""
    return branch if branch.startswith("refs/") else f"refs/heads/{branch}"


def _component(name: str) -> str:
    # Git refuses a name that starts or ends with a dot; "+" occurs in no id, so the result stays unambiguous.
    head = "+" if name.startswith(".") else ""
    tail = "+" if name.endswith((".", ".lock")) else ""
    return head + name + tail


def refs_under(repo: Repo, prefix: str) -> dict[str, str]:
    """Every ref whose name begins with `prefix` (a whole path component) and the object it names, by name."""
    return _by_name(_lines_under(repo, prefix))


def ref_names(git_dir: Path, prefixes: Sequence[str]) -> list[str]:
    """The names of refs that git's files have below these folders; what each names, and whether it is one, git says.

    For repositories of ours alone, whose refs are files.
    """
    loose = (
        Path(folder, name) for prefix in prefixes for folder, _, names in os.walk(git_dir / prefix) for name in names
    )
    packed = (line.split(" ", 1)[1] for line in _lines(git_dir / "packed-refs") if " " in line and line[0] not in "#^")
    names = [*(path.relative_to(git_dir).as_posix() for path in loose if path.suffix != ".lock"), *packed]
    return sorted({name for name in names if name.startswith(tuple(f"{prefix}/" for prefix in prefixes))})


def _lines(file: Path) -> list[str]:
    with suppress(OSError):
        return os.fsdecode(file.read_bytes()).split("\n")
    return []


def _lines_under(repo: Repo, prefix: str) -> list[str]:
    return repo.run("for-each-ref", "--format=%(objectname) %(refname)", "--", prefix.rstrip("/")).lines


def _by_name(lines: Sequence[str]) -> dict[str, str]:
    pairs = (line.split(" ", 1) for line in lines)
    return {name: object_id for object_id, name in pairs}


def update_refs(repo: Repo, changes: Sequence[RefChange]) -> bool:
    """Apply all changes in one transaction, or none.

    False: a compare-and-swap lost, another process moved one of the refs. Raises RepoError for anything else (a name
    git refuses, a full disk, a lock that stays).
    """
    if not changes:
        return True
    instructions = os.fsencode("".join(_instruction(change) for change in changes))
    if all(change.name.startswith(UNLOGGED) for change in changes) and repo.write_refs(instructions):
        return True
    result = repo.run(*UPDATE_REF_COMMAND, stdin=instructions, check=False)
    if result.code == 0:
        return True
    if any(repo.resolve(change.name) != change.old for change in changes):
        return False
    raise RepoError(f"git could not move {', '.join(change.name for change in changes)}: {result.err.strip()}")


def _instruction(change: RefChange) -> str:
    if change.new is None:
        return f"delete {change.name}\0{change.old or ''}\0"
    if change.old is None:
        return f"create {change.name}\0{change.new}\0"
    return f"update {change.name}\0{change.new}\0{change.old}\0"


def is_symbolic(repo: Repo, name: str) -> bool:
    """Whether a ref is only another name for some other ref. Such refs are always files of their own."""
    return _line(repo.common_dir / name).startswith("ref:")


def checked_out(repo: Repo) -> frozenset[str]:
    """Full names of the branches that some worktree of the repository stands on, or is rebasing or bisecting."""
    worktrees = [repo.common_dir, *sorted(_folder_entries(repo.common_dir / "worktrees"))]
    found = frozenset(name for folder in worktrees for name in _checked_out_branch(folder))
    return found if _NOT_IN_FILES not in found else found | _branches_told_by_git(repo)


def worktree_of(repo: Repo, branch: str) -> Path | None:
    """The worktree that stands on a branch, whether its folder is there or not; None: none does, or in mid-rebase."""
    place: Path | None = None
    for line in repo.run("worktree", "list", "--porcelain", "-z").fields:
        if line.startswith("worktree "):
            place = Path(line.removeprefix("worktree "))
        elif line == f"branch {branch_ref(branch)}":
            return place
    return None


_NOT_IN_FILES = "refs/heads/.invalid"
"""What stands in HEAD where refs are kept in tables; reading files is only the quick way."""


def _branches_told_by_git(repo: Repo) -> frozenset[str]:
    lines = repo.run("worktree", "list", "--porcelain", "-z").fields
    return frozenset(line.removeprefix("branch ") for line in lines if line.startswith("branch "))


def _folder_entries(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError, NotADirectoryError):
        return list(folder.iterdir())
    return []


def _checked_out_branch(git_dir: Path) -> list[str]:
    heads = [_line(git_dir / "HEAD").removeprefix("ref: ")]
    heads += [_line(git_dir / place / "head-name") for place in ("rebase-merge", "rebase-apply")]
    bisected = _line(git_dir / "BISECT_START")
    return [name for name in (*heads, branch_ref(bisected) if bisected else "") if name.startswith("refs/")]


def _line(path: Path) -> str:
    with suppress(OSError):
        return os.fsdecode(path.read_bytes().strip())
    return ""


def operation_under_way(repo: Repo) -> str:
    """`merge`, `rebase`, `cherry-pick`, `revert` or `bisect` when one is unfinished in this worktree, else ""."""
    marks = {
        "rebase-merge": "rebase",
        "rebase-apply": "rebase",
        "MERGE_HEAD": "merge",
        "CHERRY_PICK_HEAD": "cherry-pick",
        "REVERT_HEAD": "revert",
        "BISECT_LOG": "bisect",
    }
    found = [word for mark, word in marks.items() if os.path.lexists(repo.git_dir / mark)]
    return found[0] if found else _sequence(repo.git_dir / "sequencer" / "todo")


def _sequence(todo: Path) -> str:
    # Between two picks of a series no *_HEAD exists, only the list of what is left.
    first = _line(todo).split(" ", 1)[0]
    return {"pick": "cherry-pick", "p": "cherry-pick", "revert": "revert"}.get(first, "")
