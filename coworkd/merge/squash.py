"""Whether everything that landed on integration is in the target, however it got there.

By ancestry it is plain. After a squash or a rebase it shows in the trees or in the patches: a patch is the same
wherever it stands in a file and whatever commit it is in, but not with other white space, which is why `git patch-id`
is no help here.
"""

from __future__ import annotations

import hashlib
import re

from coworkd.merge.integrate import TARGET_TRAILER
from coworkd.repo import Repo

_TIMEOUT = 600.0
_AS_PATCH = ("--patch", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index", "--no-renames")
_COMMIT = re.compile(rb"^commit:.*\n", re.MULTILINE)
"""Between two patches; within one every line of a file has a sign in front."""
_PLACE = re.compile(rb"^@@ .*$", re.MULTILINE)
_OBJECTS = re.compile(rb"^index [0-9a-f]+\.\.[0-9a-f]+(?P<mode>.*)\n(?!Binary files )", re.MULTILINE)
"""Which blobs a text patch leads from and to says nothing; for a binary file nothing else does."""
_ELSEWHERE = ("--", ".", ":(exclude,top,icase).cowork")


def all_landings_in(repo: Repo, integration: str, target: str) -> bool:
    """Whether each landing on integration since the two parted, or all of them as one, is among the target's commits.

    `.cowork/` plays no part: no landing changes it, and a person's commits in it go their own way.
    """
    if repo.tree_of(integration) == repo.tree_of(target):
        return True
    base = repo.run("merge-base", integration, target, check=False).text
    if not base:
        return False
    there = _commits(repo, f"{base}..{target}")
    return _as_one(repo, base, integration) in there or _landings(repo, base, integration) <= there


def _landings(repo: Repo, base: str, integration: str) -> frozenset[str]:
    # Merges that brought the target in carry its own patches, which need not be there a second time.
    return _commits(repo, f"{base}..{integration}", "--invert-grep", f"--grep=^{TARGET_TRAILER}: ")


def _commits(repo: Repo, revisions: str, *options: str) -> frozenset[str]:
    ways = ("--first-parent", "--diff-merges=first-parent", "--no-show-signature", "--format=commit:%H", *options)
    shown = repo.run("log", *ways, *_AS_PATCH, revisions, *_ELSEWHERE, timeout=_TIMEOUT).out
    return frozenset(_patch_id(patch) for patch in _COMMIT.split(shown) if patch.strip())


def _as_one(repo: Repo, old: str, new: str) -> str:
    return _patch_id(repo.run("diff-tree", "-r", *_AS_PATCH, old, new, *_ELSEWHERE, timeout=_TIMEOUT).out)


def _patch_id(patch: bytes) -> str:
    placeless = _OBJECTS.sub(rb"index\g<mode>\n", _PLACE.sub(b"@@", patch))
    return hashlib.sha256(placeless.strip(b"\n")).hexdigest()
