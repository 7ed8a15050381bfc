"""What a jury prefers. Each juror ranks in two orders, and a pair counts for it only if both agree: a juror that likes
the first place, whatever stands there, says nothing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

Preferences = frozenset[tuple[str, str]]
"""Pairs of keys: the first is better than the second."""


def preferences(rank: Sequence[str]) -> Preferences:
    """The pairs of one ballot, the best first; an empty ballot has none."""
    return frozenset(combinations(rank, 2))


def agreed(one: Sequence[str], other: Sequence[str]) -> Preferences:
    """The pairs on which the two ballots of a juror agree."""
    return preferences(one) & preferences(other)


def winners(candidates: Sequence[str], jurors: Sequence[Preferences]) -> tuple[str, ...]:
    """Who has won most pairs, ties counting half, and of those who has the largest sum of margins; several: a tie."""
    scores = {one: score(one, candidates, jurors) for one in candidates}
    best = max(scores.values(), default=(0, 0))
    return tuple(one for one in candidates if scores[one] == best)


def score(one: str, candidates: Sequence[str], jurors: Sequence[Preferences]) -> tuple[int, int]:
    """Twice the pairs won plus the ties, and the sum of margins."""
    margins = [_margin(one, other, jurors) for other in candidates if other != one]
    return sum((margin > 0) * 2 + (margin == 0) for margin in margins), sum(margins)


def jury_tally(candidates: Sequence[str], jurors: Sequence[Preferences]) -> tuple[str, ...]:
    """A line for each candidate."""
    lines: list[str] = []
    for one in candidates:
        points, margin = score(one, candidates, jurors)
        lines.append(f"jury: {one} wins {points / 2:g} of {len(candidates) - 1} pairs, margin {margin:+d}")
    return tuple(lines)


def _margin(one: str, other: str, jurors: Sequence[Preferences]) -> int:
    return sum(((one, other) in juror) - ((other, one) in juror) for juror in jurors)
