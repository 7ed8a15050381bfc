"""A commit of one folder alone, in the user's checkout, when the user asks for it.

What is staged elsewhere stays staged, and `git status` says of every other path what it said before. No hook runs.
Where another git command holds the index after the branch has moved, the next call brings the index along.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coworkd.system.git.index_lock import run_on_index, wait_for_index
from coworkd.system.git.refs import operation_under_way
from coworkd.system.git.repository import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What the folder holds is in `commit`, which the checked-out branch now names."""

    commit: str
    branch: str
    paths: tuple[str, ...]
    """Of the files that it adds, changes or takes away."""
    stale_index_reason: str = ""
    """Why the user's index does not have it yet; empty: it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """HEAD has the folder as it is."""

    stale_index_reason: str = ""
    """Why the user's index does not have what was committed before; empty: it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRefused:
    """Nothing was touched, and what to do about it."""

    reason: str


def commit_folder(repo: Repo, folder: str, message: str) -> Committed | Unchanged | CommitRefused:
    """Commit the folder as it is in the working tree, ignored and temporary files left out; no message: one is made.

    Blocks for some seconds while another git command holds the index. Raises RepoError when git fails; the branch has
    then not moved.
    """
    head = repo.head()
    if reason := _obstacle_reason(repo, folder):
        return CommitRefused(reason=reason)
    if head.commit is None or head.branch is None:
        return CommitRefused(reason="HEAD is detached: switch to a branch first")
    with tempfile.TemporaryDirectory() as scratch:
        aside = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
        repo.run("read-tree", head.commit, env=aside)
        repo.run("add", "--all", "--", folder, f":(exclude,glob){folder}/**/.*~", env=aside)
        tree = repo.run("write-tree", env=aside).text
        wanted = _index_entries(repo, folder, aside)
    if tree == repo.tree_of(head.commit):
        return Unchanged(
            stale_index_reason=_update_index(repo, folder, _entries_to_restore(repo, folder, head.commit, wanted))
        )
    paths = tuple(repo.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", head.commit, tree).fields)
    subject = message or _subject(folder, paths)
    made = _commit(repo, tree, head.commit, subject)
    moved = repo.run("update-ref", "-m", f"commit: {subject.splitlines()[0]}", "HEAD", made, head.commit, check=False)
    if moved.code != 0:
        return CommitRefused(reason=f"{_short(head.branch)} moved at this moment: try again")
    stale_index_reason = _update_index(repo, folder, wanted)
    return Committed(commit=made, branch=_short(head.branch), paths=paths, stale_index_reason=stale_index_reason)


def _obstacle_reason(repo: Repo, folder: str) -> str:
    """Why nothing can be committed now; empty when nothing is in the way."""
    if operation := operation_under_way(repo):
        return f"a {operation} is under way: finish it or abort it first"
    if repo.head().commit is None:
        return "this branch has no commit yet: make the first one with git, then try again"
    if not (repo.root / folder).is_dir():
        return f"there is no {folder}/ here"
    if not wait_for_index(repo):
        return "another git command is at work (index.lock): try again when it is over"
    if repo.run("ls-files", "-z", "--unmerged").fields:
        return "there are unresolved conflicts: resolve them first"
    if _is_left_out(repo, folder):
        return f"a sparse checkout leaves part of {folder}/ out: `git sparse-checkout add {folder}` first"
    return ""


def _is_left_out(repo: Repo, folder: str) -> bool:
    """Whether a sparse checkout leaves a tracked file of the folder out, or would do so with one that is new."""
    if any(line.startswith("S ") for line in repo.run("ls-files", "-t", "-z", "--", folder).fields):
        return True
    if repo.setting("core.sparseCheckout") != "true":
        return False
    tried = repo.run("add", "--dry-run", "--all", "--", folder, check=False)
    return tried.code != 0 and "sparse" in tried.err


def _subject(folder: str, paths: tuple[str, ...]) -> str:
    """`Update .cowork: reviews/a.md, tasks/a.md`, or how many files."""
    names = ", ".join(path.removeprefix(f"{folder}/") for path in paths)
    return f"Update {folder}: {names if len(names) <= 50 else f'{len(paths)} files'}"


def _commit(repo: Repo, tree: str, parent: str, message: str) -> str:
    signed = repo.run("config", "--type=bool", "--get", "commit.gpgSign", check=False).text == "true"
    options = ("--gpg-sign",) if signed else ()
    text = f"{message.rstrip()}\n".encode("utf-8", "surrogateescape")
    return repo.run("commit-tree", *options, "-p", parent, tree, stdin=text, env=repo.author()).text


def _index_entries(repo: Repo, folder: str, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """`MODE ID STAGE` by path, of an index."""
    lines = repo.run("ls-files", "--stage", "-z", "--", folder, env=env).fields
    return {path: entry for entry, _, path in (line.partition("\t") for line in lines)}


def _entries_to_restore(repo: Repo, folder: str, head: str, committed: Mapping[str, str]) -> dict[str, str]:
    """What the index shall hold of the folder: as committed where it still has what the last commit replaced.

    Every other difference was staged by a person.
    """
    present = _index_entries(repo, folder)
    if present == committed:
        return present
    last = repo.run("rev-list", "-1", head, "--", folder).text
    before = _committed_entries(repo, folder, f"{last}^1") if last else {}
    paths = [path for path in {*present, *committed, *before} if present.get(path) == before.get(path)]
    kept = {path: entry for path, entry in present.items() if path not in paths}
    return kept | {path: committed[path] for path in paths if path in committed}


def _committed_entries(repo: Repo, folder: str, commit: str) -> dict[str, str]:
    """As `_index_entries`, of a commit; nothing where there is none."""
    if repo.commit(commit) is None:
        return {}
    lines = (line.partition("\t") for line in repo.run("ls-tree", "-r", "-z", commit, "--", f"{folder}/").fields)
    return {path: f"{mode} {name} 0" for mode, _, name, path in ((*entry.split(), path) for entry, _, path in lines)}


def _update_index(repo: Repo, folder: str, wanted: Mapping[str, str]) -> str:
    """The user's index gets the folder's entries as committed, or the commit would look like staged for undoing.

    Why that could not be; empty when it has them.
    """
    present = _index_entries(repo, folder)
    zeros = "0" * (64 if repo.object_format == "sha256" else 40)
    gone = [f"0 {zeros} 0\t{path}" for path in present if path not in wanted]
    changed = [f"{entry}\t{path}" for path, entry in wanted.items() if present.get(path) != entry]
    script = "".join(f"{line}\0" for line in (*gone, *changed))
    if not script:
        return ""
    done = run_on_index(repo, "update-index", "-z", "--index-info", stdin=os.fsencode(script))
    return "" if done.code == 0 else done.err.strip() or f"exit {done.code}"


def _short(branch: str) -> str:
    return branch.removeprefix("refs/heads/")
