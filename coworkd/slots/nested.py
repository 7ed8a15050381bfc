"""Repositories inside of an agent's worktree: why one of them prevents a submission, and a notice about the others.

A repository without a remote is the agent's own work: its files are submitted as ordinary files. A clone or a submodule
is the work of others, and git records only a link to one of its commits: the submission is rejected, with what to do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from coworkd.slots.private_repo import PrivateRepo
from coworkd.slots.tree_paths import GITLINK
from coworkd.system.git import Repo
from coworkd.system.git.trees import files_of

_SUBMODULES_FILE = ".gitmodules"

_REMOTE = re.compile(rb"^\s*\[\s*remote\b", re.MULTILINE | re.IGNORECASE)
_MAX_CONFIG_BYTES = 1_000_000


def clone_reason(private: PrivateRepo, nested: Sequence[str]) -> str:
    """Why nothing can be submitted with these nested repositories; empty: none of them is a clone.

    `nested`: their folders, relative to the worktree.
    """
    clones = [path for path in nested if _has_remote(private.work / path / ".git" / "config")]
    if not clones:
        return ""
    return (
        f"a clone of another repository cannot be submitted ({_join_paths(clones)}): delete the `.git` in it to submit"
        " its files as ordinary files, or delete the folder, or list it in .gitignore"
    )


def _has_remote(config: Path) -> bool:
    """Read as text: git would follow the file's includes, and the agent can write anything into it."""
    try:
        if not config.is_file() or config.is_symlink():
            return False
        with config.open("rb") as file:
            return bool(_REMOTE.search(file.read(_MAX_CONFIG_BYTES)))
    except OSError:
        return False


def submodule_reason(repo: Repo, commit: str, known: Sequence[str]) -> str:
    """Why the submodules and nested repositories of `commit` prevent a submission; empty: there are none.

    `known`: commits that are there already. A submodule declaration that is the same in one of them is no reason.
    """
    declared = repo.resolve(f"{commit}:{_SUBMODULES_FILE}")
    added = declared not in (None, *repo.resolve_all([f"{one}:{_SUBMODULES_FILE}" for one in known]))
    links = [entry.path for entry in files_of(repo, commit) if entry.mode == GITLINK]
    if added:
        return (
            f"it adds or changes a submodule ({_SUBMODULES_FILE}), and submodules are not supported: submit its files"
            f" as ordinary files, without their `.git` and without {_SUBMODULES_FILE}"
        )
    if links:
        return (
            f"a nested repository is recorded as a link, without its files ({_join_paths(links)}): delete the `.git` in"
            " it and add its files"
        )
    return ""


def nested_notice(nested: Sequence[str]) -> str:
    """The notice about nested repositories whose files were submitted; empty: there are none."""
    if not nested:
        return ""
    return f"submitted as ordinary files, without their own history: nested repositories {_join_paths(nested)}"


def _join_paths(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(f"`{path}`" for path in paths[:3]) + more
