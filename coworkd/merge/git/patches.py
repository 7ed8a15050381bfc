"""Patches as values that can be compared: the same change is the same patch wherever it stands in history.

A patch is the same wherever it stands in a file and whatever commit it is in, but not with other white space, which is
why `git patch-id` is no help here. `.cowork/` plays no part: no landing changes it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.core.errors import RepoError
from coworkd.system.git import Repo

_TIMEOUT = 600.0
_AS_PATCH = ("--patch", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index", "--no-renames")
_HEADER = re.compile(rb"^[0-9a-f]{40,64}\n", re.MULTILINE)
"""Between two patches; within one no line is an object id alone."""
_PLACE = re.compile(rb"^@@ .*$", re.MULTILINE)
_OBJECTS = re.compile(rb"^index [0-9a-f]+\.\.[0-9a-f]+(?P<mode>.*)\n(?!Binary files )", re.MULTILINE)
"""Which blobs a text patch leads from and to says nothing; for a binary file nothing else does."""
_ELSEWHERE = ("--", ".", ":(exclude,top,icase).cowork")

NO_CHANGE = ""
"""The patch of two commits that differ in nothing but `.cowork/`."""


@dataclass(frozen=True, slots=True)
class CommitPatch:
    """What leads from one commit to another, whether or not the one is the other's parent."""

    old: str
    new: str


def patches(repo: Repo, changes: Sequence[CommitPatch]) -> list[str]:
    """The patch of each change, as a digest; one process for all."""
    if not changes:
        return []
    # diff-tree takes ids alone, and repeats any other line as if it were a header.
    old = repo.resolve_all([change.old for change in changes])
    new = repo.resolve_all([change.new for change in changes])
    asked = "".join(f"{n} {o}\n" for n, o in zip(new, old, strict=True)).encode()
    arguments = ("diff-tree", "--stdin", "-r", "-m", "--always", *_AS_PATCH, *_ELSEWHERE)
    shown = repo.run(*arguments, stdin=asked, timeout=_TIMEOUT).out
    found = [_digest(patch) for patch in _HEADER.split(shown)[1:]]
    if len(found) != len(changes):
        raise RepoError(f"git compared {len(found)} of {len(changes)} pairs of commits in {repo.root}")
    return found


def changes_of(repo: Repo, tip: str, without: Sequence[str], *, merges: bool = True) -> list[CommitPatch]:
    """What each commit of `tip` that `without` lacks changes against its first parent; a merge counts as one change."""
    new = repo.commits_between([tip], without)
    return [
        CommitPatch(old=commit.parents[0], new=name)
        for name, commit in zip(new, repo.commits(new), strict=True)
        if commit.parents and (merges or len(commit.parents) == 1)
    ]


def _digest(patch: bytes) -> str:
    placeless = _OBJECTS.sub(rb"index\g<mode>\n", _PLACE.sub(b"@@", patch)).strip(b"\n")
    return hashlib.sha256(placeless).hexdigest() if placeless else NO_CHANGE
