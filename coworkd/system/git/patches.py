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
from coworkd.system.git.file_versions import settled_version

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
    """The patch of each change, as a digest; one process for all that were not asked for before.

    The names of a change are full ids.
    """
    # What attributes say of a file decides whether its patch is one of text.
    rules = settled_version((repo.root / ".gitattributes", repo.common_dir / "info" / "attributes"))
    names = [f"patch {change.old} {change.new} {rules}" for change in changes]
    known = [repo.answers.get(name) if rules else None for name in names]
    unknown = {name: change for name, change, found in zip(names, changes, known, strict=True) if found is None}
    read = dict(zip(unknown, _read(repo, list(unknown.values())) if unknown else (), strict=True))
    repo.answers.add(read)
    return [(read[name] if found is None else found).decode() for name, found in zip(names, known, strict=True)]


def _read(repo: Repo, changes: Sequence[CommitPatch]) -> list[bytes]:
    asked = "".join(f"{change.new} {change.old}\n" for change in changes).encode()
    arguments = ("diff-tree", "--stdin", "-r", "-m", "--always", *_AS_PATCH, *_ELSEWHERE)
    shown = repo.run(*arguments, stdin=asked, timeout=_TIMEOUT).out
    found = [_digest(patch).encode() for patch in _HEADER.split(shown)[1:]]
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
