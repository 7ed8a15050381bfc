"""What the words of other tools mean here: statuses, priorities, names of folders. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

from coworkd.core.task_ids import task_id
from coworkd.interchange.items import ItemStatus

_DONE = frozenset({"done", "closed", "completed", "complete", "merged", "finished", "resolved"})
_CANCELLED = frozenset(
    {"cancelled", "canceled", "wontfix", "won't fix", "wont fix", "rejected", "obsolete", "duplicate", "not_planned"}
)
_OPEN = frozenset({"", "todo", "to do", "open", "pending", "backlog", "new", "draft", "deferred", "pinned", "hooked"})
_PRIORITIES = {
    "critical": 0.0, "urgent": 0.0, "highest": 0.0, "p0": 0.0, "high": 1.0, "p1": 1.0, "medium": 2.0, "p2": 2.0,
    "low": 3.0, "p3": 3.0, "lowest": 3.0,
}  # fmt: skip
_LARGEST_GAP = 3.0


def read_status(word: str) -> tuple[ItemStatus, str]:
    """What a status comes to, and what a person should know about it; empty: nothing."""
    plain = " ".join(re.split(r"[\s_-]+", word.strip().lower()))
    if plain in _DONE:
        return ItemStatus.DONE, ""
    if plain in _CANCELLED or plain.replace(" ", "_") in _CANCELLED:
        return ItemStatus.CANCELLED, ""
    if plain in _OPEN:
        return ItemStatus.DRAFT, ""
    return ItemStatus.DRAFT, f"is `{word}` there, and a draft here: `coworkd ready` starts it"


def read_priority(word: str) -> float | None:
    """A priority that is a word; None for one that says nothing here."""
    return _PRIORITIES.get(word.strip().lower())


def ranked_priorities(numbers: Collection[float]) -> dict[float, float]:
    """Priorities that are numbers without a scale, by their rank: the lowest is 0, the highest at most 3."""
    ranks = sorted(set(numbers))
    if len(ranks) == 1:
        return {ranks[0]: 2.0}
    step = _LARGEST_GAP / (len(ranks) - 1) if len(ranks) > int(_LARGEST_GAP) + 1 else 1.0
    return {number: rank * step for rank, number in enumerate(ranks)}


def name_of_source(text: str, otherwise: str) -> str:
    """The folder and prefix of a source; `otherwise` where nothing is left of the text."""
    return task_id(text) if re.search(r"\w", text) else otherwise


def one_line(text: str) -> str:
    """A title on one line."""
    return " ".join(text.split())
