"""What commits say in their trailers, as git reads them; each commit is asked about once."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence

from coworkd.system.git import Repo

TASK, ATTEMPT, SUBMISSION, TARGET = "Cowork-Task", "Cowork-Attempt", "Cowork-Submission", "Cowork-Target"
STACKED = "Cowork-Stacked"
"""Marks merges that stacked work begins with: they never land by themselves."""
_KEYS = (TASK, ATTEMPT, SUBMISSION, TARGET, STACKED)
_TIMEOUT = 600.0


def trailers_of(repo: Repo, commits: Collection[str]) -> dict[str, Mapping[str, str]]:
    """The trailers of ours of each commit, by key; several of one key with a comma between them, none: empty."""
    values = {commit: repo.answers.get(_name(commit)) for commit in commits}
    unread = [commit for commit, value in values.items() if value is None]
    found = _read(repo, unread) if unread else {}
    repo.answers.add({_name(commit): value for commit, value in found.items()})
    known = {commit: value for commit, value in (*values.items(), *found.items()) if value is not None}
    return {commit: dict(zip(_KEYS, os.fsdecode(value).split("\0"), strict=True)) for commit, value in known.items()}


def _name(commit: str) -> str:
    return f"trailers {commit}"


def _read(repo: Repo, commits: Sequence[str]) -> dict[str, bytes]:
    # Not for-each-ref: git 2.39 mixes up several trailers that are asked for in one format.
    trailers = "".join(f"%x00%(trailers:key={key},valueonly,separator=%x2C)" for key in _KEYS)
    asked = "".join(f"{commit}\n" for commit in commits).encode()
    arguments = ("log", "--no-walk=unsorted", "-z", "--stdin", f"--format=%H{trailers}")
    fields = iter(repo.run(*arguments, stdin=asked, timeout=_TIMEOUT).fields)
    return {commit: os.fsencode("\0".join(next(fields).strip() for _ in _KEYS)) for commit in fields}
