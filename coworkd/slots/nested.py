"""Repositories that an agent made inside its worktree: which of them keep a submission out, and why.

One without a remote is the agent's own work: its files are submitted as ordinary files. A clone or a submodule is the
work of others, recorded by git as a mere link: it comes in as a whole or not at all, and what to do is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from coworkd.slots.private_repo import PrivateRepo
from coworkd.slots.tree_paths import GITLINK
from coworkd.system.git import Repo
from coworkd.system.git.trees import files_of

SUBMODULES = ".gitmodules"

_REMOTE = re.compile(rb"^\s*\[\s*remote\b", re.MULTILINE | re.IGNORECASE)
_MOST_READ = 1_000_000


def clone_reason(private: PrivateRepo, nested: Sequence[str]) -> str:
    """Why nothing can be submitted with these nested repositories in the worktree; empty when all of it can."""
    clones = [path for path in nested if _has_remote(private.work / path / ".git" / "config")]
    if not clones:
        return ""
    return (
        f"a clone of another repository cannot be submitted ({_join_paths(clones)}): delete the `.git` in it to submit"
        " its files as ordinary files, or delete the folder, or list it in .gitignore"
    )


def _has_remote(config: Path) -> bool:
    """Read as text: the file is the agent's, and git would follow what it includes."""
    try:
        if not config.is_file() or config.is_symlink():
            return False
        with config.open("rb") as file:
            return bool(_REMOTE.search(file.read(_MOST_READ)))
    except OSError:
        return False


def submodule_reason(repo: Repo, commit: str, known: Sequence[str]) -> str:
    """Why `commit` cannot come in for its submodules or links to nested repositories; empty when it has none."""
    declared = repo.resolve(f"{commit}:{SUBMODULES}")
    added = declared not in (None, *repo.resolve_all([f"{one}:{SUBMODULES}" for one in known]))
    links = [entry.path for entry in files_of(repo, commit) if entry.mode == GITLINK]
    if added:
        return (
            f"it adds or changes a submodule ({SUBMODULES}), which slots do not support: submit its files as ordinary"
            f" files, without their `.git` and without {SUBMODULES}, or have a person add the submodule"
        )
    if links:
        return (
            f"a nested repository is recorded as a link, without its files ({_join_paths(links)}): delete the `.git` in"
            " it and add its files"
        )
    return ""


def nested_notice(nested: Sequence[str]) -> str:
    """What is said of nested repositories that were submitted; empty for none."""
    if not nested:
        return ""
    return f"submitted as ordinary files, without a history of their own: nested repositories {_join_paths(nested)}"


def _join_paths(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(f"`{path}`" for path in paths[:3]) + more
