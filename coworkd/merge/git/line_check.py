"""Files that both sides changed: whether the merge has what the submission did to them, as a patch or line by line."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from coworkd.system.git import Repo
from coworkd.system.git.patches import CommitPatch

_TIMEOUT = 600.0
_ARGUMENTS = (
    *("--literal-pathspecs", "diff-tree", "--stdin", "-r", "-m", "--always", "--patch", "-U0"),
    *("--no-ext-diff", "--no-textconv", "--no-color", "--full-index", "--no-renames"),
)
_COMMIT = re.compile(rb"^[0-9a-f]{40,64}\n", re.MULTILINE)
_FILE = re.compile(rb"^(diff --git .*)\n", re.MULTILINE)
_HUNK = re.compile(rb"^@@ .*$", re.MULTILINE)
_MODES = (b"old mode", b"new mode", b"new file", b"deleted file", b"Binary")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedFiles:
    """How the files that both sides changed came together."""

    by_patch: tuple[str, ...] = ()
    """The merge changes the tip by exactly the submission's patch."""
    by_lines: tuple[str, ...] = ()
    """Every line that the submission adds is there, some of them by the tip's own change."""
    incomplete: tuple[str, ...] = ()
    """Lines that the submission adds are not there: a merge driver of the user's decided so."""
    dropped: tuple[str, ...] = ()
    """Lines of the tip are not there any more that the submission does not remove: decided so, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideChanges:
    """The three changes of a merge that are compared."""

    own: CommitPatch
    """What the submission does to the base."""
    merged: CommitPatch
    """What the merge does to the tip."""
    other: CommitPatch
    """What the tip does to the base."""


def check_merged_files(repo: Repo, changes: SideChanges, paths: Sequence[str]) -> MergedFiles:
    """Compare, for files that both sides changed, the submission's patch with what the merge does to the tip."""
    found: dict[str, list[str]] = {"by_patch": [], "by_lines": [], "incomplete": [], "dropped": []}
    ordered = sorted(paths, key=os.fsencode)
    for path, sections in zip(ordered, _sections(repo, changes, ordered), strict=True):
        found[_verdict(*sections)].append(path)
    return MergedFiles(**{name: tuple(those) for name, those in found.items()})


def _sections(repo: Repo, changes: SideChanges, paths: Sequence[str]) -> list[tuple[bytes, bytes, bytes]]:
    """What each of the three changes does to each file, in the order of the paths; hunks without their places."""
    if not paths:
        return []
    pairs = (changes.own, changes.merged, changes.other)
    asked = "".join(f"{pair.new} {pair.old}\n" for pair in pairs).encode()
    shown = _COMMIT.split(repo.run(*_ARGUMENTS, "--", *paths, stdin=asked, timeout=_TIMEOUT).out)[1:]
    own, merged, other = (_by_file(patch) for patch in shown)
    # The submission changed every one of them, and git lists files in the order of their bytes.
    return [(section, merged.get(file, b""), other.get(file, b"")) for file, section in own.items()]


def _by_file(patch: bytes) -> dict[bytes, bytes]:
    """The sections of a patch by their first lines; two of one file, as where its type changes, are one."""
    parts = _FILE.split(patch)[1:]
    found: dict[bytes, bytes] = {}
    for file, section in zip(parts[::2], parts[1::2], strict=True):
        found[file] = found.get(file, b"") + _without_places(section)
    return found


def _without_places(section: bytes) -> bytes:
    """The hunks of one file, wherever they are, behind the lines that speak of its mode."""
    head, hunk, body = section.partition(b"\n@@")
    modes = [line for line in head.split(b"\n") if line.startswith(_MODES)]
    return b"\n".join([*modes, _HUNK.sub(b"@@", (hunk + body).lstrip(b"\n")).rstrip(b"\n")])


def _verdict(own: bytes, merged: bytes, other: bytes) -> str:
    if own == merged:
        return "by_patch"
    if any(_dropped_lines(own, merged)):
        return "dropped"
    return "incomplete" if any(_missing_lines(own, merged, other)) else "by_lines"


def _missing_lines(own: bytes, merged: bytes, other: bytes) -> Iterator[bytes]:
    """Lines that the submission adds and the result has fewer of than that, but for those that both sides added."""
    there, both = _growth(merged), _growth(other)
    for line, count in _growth(own).items():
        if count > 0 and there.get(line, 0) < count - max(0, min(count, both.get(line, 0))):
            yield line


def _dropped_lines(own: bytes, merged: bytes) -> Iterator[bytes]:
    """Lines that the merge takes away from the tip more often than the submission takes them away anywhere."""
    removed = Counter(line[1:] for line in own.split(b"\n") if line[:1] == b"-")
    return (line for line, count in _growth(merged).items() if -count > removed[line])


def _growth(patch: bytes) -> Mapping[bytes, int]:
    """By how many each line became more (or, negative, less) often; wherever a line was moved to is all the same."""
    growth = Counter[bytes]()
    for line in patch.split(b"\n"):
        if line[:1] in (b"+", b"-"):
            growth[line[1:]] += 1 if line[:1] == b"+" else -1
    return growth
