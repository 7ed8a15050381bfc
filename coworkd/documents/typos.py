"""Words that are almost right: misspelt keys, and what may have been meant.

Pure. A misspelt key holds a task, so a false alarm costs a person's time: short words count as misspelt only when two
letters are swapped, and ordinary words that people do use as keys never do.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache

_OWN_WORDS = frozenset(
    {"approved", "approver", "approvers", "model", "mode", "stats", "state", "form", "touched"}
    | {"border", "orders", "ordered", "older", "folder"}
)
"""One letter from a known key, and words of their own."""

_SAME_MEANING = {
    "dep": "dependson",
    "depend": "dependson",
    "dependency": "dependencies",
    "depends": "dependson",
    "deps": "dependson",
}
"""Further than two letters away, and ignoring them would start a task too early."""


@lru_cache(maxsize=4096)
def near_miss(word: str, known: frozenset[str]) -> str:
    """The known key that `word` is a slip of the pen for, both normalised; empty when it is a word of its own."""
    if word in _OWN_WORDS:
        return ""
    if _SAME_MEANING.get(word) in known:
        return _SAME_MEANING[word]
    return next((key for key in sorted(known) if _is_slip(word, key)), "")


def closest(word: str, choices: Iterable[str], alike: float) -> str:
    """The choice most like `word`, from 0 (nothing in common) to 1 (the same) at least `alike`; else empty."""
    return next(iter(get_close_matches(word, list(choices), n=1, cutoff=alike)), "")


def suggestion(word: str, choices: Iterable[str]) -> str:
    """`; did you mean ...?`, or nothing when no choice is close."""
    close = closest(word.strip().lower(), choices, 0.6)
    return f"; did you mean `{close}`?" if close else ""


def _is_slip(word: str, key: str) -> bool:
    if len(key) < 5:
        return len(word) == len(key) and sorted(word) == sorted(key) and distance(word, key) == 1
    allowed = 2 if len(key) >= 9 else 1
    # Most words are too far away by their letters alone.
    if abs(len(word) - len(key)) > allowed or len(set(word) - set(key)) > allowed:
        return False
    return distance(word, key) <= allowed


def distance(left: str, right: str) -> int:
    """Letters to add, drop, change or swap with their neighbour (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        last, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
