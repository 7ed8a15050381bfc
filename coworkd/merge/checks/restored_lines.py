"""Lines that a change puts back exactly to their text before another landing: landed work taken out in silence. Pure.

Compared hunk by hunk, without context: what a landing took out comes back, and what it brought is gone. Of lines that
a landing replaced one by one, each counts by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_SIGNIFICANT = re.compile(r"\w{3}")
"""What one of the lines must hold: a lone bracket comes and goes by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """Lines that were replaced in one place."""

    removed: tuple[str, ...]
    added: tuple[str, ...]

    @property
    def is_significant(self) -> bool:
        return any(_SIGNIFICANT.search(line) for line in (*self.removed, *self.added))


Hunks = Mapping[str, Sequence[Hunk]]
"""Path -> what changed there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandedHunks:
    """What an earlier task landed."""

    task: str
    hunks: Hunks


def restored_lines(change: Hunks, landings: Sequence[LandedHunks]) -> tuple[str, ...]:
    """What of the landings the change takes back, in words; `landings`: those that its task does not depend on."""
    found = dict[tuple[str, str], int]()
    for landing in landings:
        for path in change.keys() & landing.hunks.keys():
            back = sum(
                len(hunk.removed) or len(hunk.added) for hunk in _undone_hunks(change[path], landing.hunks[path])
            )
            if back:
                found[path, landing.task] = found.get((path, landing.task), 0) + back
    return tuple(
        f"{path}: {count} line{'' if count == 1 else 's'} put back to the text before `{task}` landed"
        for (path, task), count in sorted(found.items())
    )


def _undone_hunks(change: Sequence[Hunk], landed: Sequence[Hunk]) -> Iterator[Hunk]:
    """The landing's hunks that are undone whole, by one hunk of the change or a part of one."""
    for hunk in (piece for whole in landed for piece in _split_hunk(whole)):
        if hunk.is_significant and any(_undoes(one, hunk) for one in change):
            yield hunk


def _split_hunk(hunk: Hunk) -> Iterator[Hunk]:
    """Lines that were replaced one by one, each by itself; else the whole."""
    if len(hunk.removed) != len(hunk.added):
        yield hunk
        return
    for old, new in zip(hunk.removed, hunk.added, strict=True):
        yield Hunk(removed=(old,), added=(new,))


def _undoes(change: Hunk, landed: Hunk) -> bool:
    return _contains_lines(change.removed, landed.added) and _contains_lines(change.added, landed.removed)


def _contains_lines(lines: tuple[str, ...], part: tuple[str, ...]) -> bool:
    """Whether `part` stands in `lines` as one piece."""
    return not part or any(lines[at : at + len(part)] == part for at in range(len(lines) - len(part) + 1))


def hunks_of(diff: str) -> dict[str, list[Hunk]]:
    """A diff without context (`-U0`, prefixes `a/` and `b/`, no renames) as hunks by path."""
    found: dict[str, list[Hunk]] = {}
    path, removed, added, inside = "", list[str](), list[str](), False
    for line in [*diff.split("\n"), "@@"]:
        if line.startswith(("@@", "diff --git ")):
            if removed or added:
                found.setdefault(path, []).append(Hunk(removed=tuple(removed), added=tuple(added)))
            removed, added, inside = [], [], line.startswith("@@")
        elif inside and line.startswith("-"):
            removed.append(line[1:])
        elif inside and line.startswith("+"):
            added.append(line[1:])
        elif not inside and line.startswith(("--- a/", "+++ b/")):
            path = line[6:].removesuffix("\t")
    return found
