"""Trees of a commit with some files otherwise. Blocking; no ref names what is made here, and it never lands."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from coworkd.system.git import Repo

TreeEntry = tuple[str, str, str]
"""Mode, object and path; an object of zeros: it is not there."""


def overlaid_tree(repo: Repo, commit: str, entries: Sequence[TreeEntry]) -> str:
    """The tree of a commit with some files otherwise."""
    with tempfile.TemporaryDirectory(prefix="cowork-index-") as folder:
        env: Mapping[str, str] = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        repo.run("read-tree", commit, env=env)
        lines = b"".join(
            f"{mode} {object_id}\t".encode() + _encode_path(path) + b"\0" for mode, object_id, path in entries
        )
        repo.run("update-index", "--add", "--replace", "-z", "--index-info", stdin=lines, env=env)
        return repo.run("write-tree", env=env).text


def overlaid_commit(repo: Repo, commit: str, entries: Sequence[TreeEntry], message: str) -> str:
    """A commit on top of another, with these files otherwise; the same commit where there are none."""
    if not entries:
        return commit
    tree = overlaid_tree(repo, commit, entries)
    return repo.run("commit-tree", tree, "-p", commit, stdin=message.encode() + b"\n", env=repo.author()).text


def _encode_path(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
