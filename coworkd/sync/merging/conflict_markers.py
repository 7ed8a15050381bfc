"""Three-way merge of lines that shows what it cannot decide: conflict markers as git writes them.

Pure. `three_way.merge_text` answers with a text or not at all; this is for the places where a person is to choose.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coworkd.sync.merging.three_way import join_lines, split_lines

Edit = tuple[int, int, tuple[str, ...]]
"""From, to, and the lines that stand there instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Markers:
    """How a conflict is marked."""

    size: int = 7
    ours: str = "ours"
    theirs: str = "theirs"

    def around(self, ours: str, theirs: str) -> str:
        """Both texts between markers; each is given a final newline where it has none."""
        opening, middle, closing = (character * self.size for character in "<=>")
        ours, theirs = _ending_in_newline(ours), _ending_in_newline(theirs)
        return f"{opening} {self.ours}\n{ours}{middle}\n{theirs}{closing} {self.theirs}\n"


def merge_visibly(ours: str, base: str, theirs: str, markers: Markers) -> str:
    """The merged text, with every stretch that both sides changed differently between markers."""
    old = split_lines(base)
    mine, others = _edits(old, split_lines(ours)), _edits(old, split_lines(theirs))
    out: list[str] = []
    at = 0
    for start, end in _changed_ranges([*mine, *others]):
        left, right = (_apply_edits(old, edits, start, end) for edits in (mine, others))
        untouched = "".join(old[start:end])
        out += ["".join(old[at:start]), _merge_piece(left, untouched, right, markers)]
        at = end
    return join_lines([*out, "".join(old[at:])])


def _merge_piece(left: str, untouched: str, right: str, markers: Markers) -> str:
    if left in (untouched, right):
        return right
    return left if right == untouched else markers.around(left, right)


def _changed_ranges(edits: Sequence[Edit]) -> Iterator[tuple[int, int]]:
    """The parts of the base that edits of either side touch: those that overlap, or start alike, are one."""
    places = sorted((start, end) for start, end, _ in edits)
    while places:
        start, end = places.pop(0)
        while places and (places[0][0] < end or places[0][0] == start):
            end = max(end, places.pop(0)[1])
        yield start, end


def _apply_edits(base: Sequence[str], edits: Sequence[Edit], start: int, end: int) -> str:
    """One side's text for a stretch of the base."""
    out: list[str] = []
    at = start
    for first, last, lines in edits:
        if start <= first and last <= end and (first < end or start == end):
            out += [*base[at:first], *lines]
            at = last
    return "".join([*out, *base[at:end]])


def _edits(base: Sequence[str], changed: Sequence[str]) -> list[Edit]:
    matcher = difflib.SequenceMatcher(None, base, changed, autojunk=False)
    return [(a, b, tuple(changed[c:d])) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]


def _ending_in_newline(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
