"""A candidate with the files that verify it as they were on the tip: what checks a change is not the change's to say.

Blocking; called from job threads only. The commit that is made here is never landed, and no ref names it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from coworkd.merge.checks.executed_files import with_executed_part
from coworkd.merge.checks.facts import changed_executed_files
from coworkd.merge.checks.tree import CommitTree
from coworkd.merge.git.change_summary import FileChange, changed_files
from coworkd.merge.git.overlaid_trees import TreeEntry, overlaid_tree
from coworkd.system.git import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class TipVersion:
    """A candidate whose checks are the tip's."""

    commit: str
    commands: tuple[str, ...]
    """Those that execute one of the files."""
    paths: tuple[str, ...]
    """The files that are as on the tip."""


def tip_version(
    repo: Repo, tip: str, candidate: str, commands: Sequence[str], own: Container[str] = ()
) -> TipVersion | None:
    """The candidate with the tip's version of every file that a command executes; None where it changes none.

    `own`: the commands that prove what is new in the task, see `changed_executed_files`.
    """
    files = changed_files(repo, tip, candidate)
    before, after = CommitTree.read(repo, tip), CommitTree.read(repo, candidate)
    executed = changed_executed_files(before, after, files, commands, own)
    if not executed:
        return None
    entries = [entry for file, _ in executed.values() for entry in _entries(repo, before, after, file)]
    tree = overlaid_tree(repo, candidate, entries)
    message = b"The checks as they were before this change\n"
    commit = repo.run("commit-tree", tree, "-p", candidate, stdin=message, env=repo.author()).text
    ran = tuple(dict.fromkeys(command for _, command in executed.values()))
    return TipVersion(commit=commit, commands=ran, paths=tuple(executed))


def _entries(repo: Repo, before: CommitTree, after: CommitTree, file: FileChange) -> Iterator[TreeEntry]:
    path = file.old_path or file.path
    known = before.paths.get(path)
    if known is None:
        yield "0", "0" * len(after.paths[file.path][1]), file.path
        return
    mode, object_id = known
    merged = with_executed_part(path, before.text(path) or "", after.text(file.path) or "")
    if merged is not None:
        object_id = repo.run("hash-object", "-w", "--stdin", stdin=merged.encode()).text
    yield mode, object_id, path
