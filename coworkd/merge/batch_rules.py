"""Batches: which submissions are verified together, how many, and which of them makes a batch red.

Pure. A batch is a chain of merges in the order of the queue, each on the one before; its last tree is verified for all
of them. Where that is red, the first red prefix is searched for by halving: the prefix before it is green and lands,
and the submission that ends the red one is verified once more, alone on what has landed, before it is blamed.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

FIRST_SIZE, MAX_SIZE, MIN_SIZE = 4, 16, 2
"""Submissions in a batch: at the start, at most and at least, where there are as many."""


class Batchable(Protocol):
    """A submission that may be verified together with others."""

    @property
    def conditions(self) -> Hashable:
        """What it is checked with: only where this is equal, one run of the commands is enough for several.

        None: it is verified alone.
        """
        ...


Entry = TypeVar("Entry", bound=Batchable)


def grow(size: int) -> int:
    """The size of the next batch after a green one."""
    return min(MAX_SIZE, size * 2)


def shrink(size: int) -> int:
    """The size of the next batch after a red one."""
    return max(MIN_SIZE, size // 2)


def choose_batch(entries: Sequence[Entry], size: int) -> list[Entry]:
    """The entries that are verified together next; the first of the queue is always among them, if need be alone."""
    first = entries[0]
    if first.conditions is None:
        return [first]
    return [entry for entry in entries if entry.conditions == first.conditions][:size]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixSearch:
    """What is known of the prefixes of a red batch."""

    green: int = 0
    """The length of the longest prefix that is known to be green; 0: the tip alone."""
    red: int
    """The length of the shortest that is known to be red."""

    @property
    def suspect(self) -> int | None:
        """The position of the submission that makes the batch red; None: not known yet."""
        return self.green if self.green + 1 == self.red else None

    def next_prefix(self) -> int:
        """The length of the prefix that says most."""
        return (self.green + self.red) // 2

    def after(self, prefix: int, *, green: bool) -> PrefixSearch:
        """What is known after a prefix was verified."""
        return PrefixSearch(green=prefix, red=self.red) if green else PrefixSearch(green=self.green, red=prefix)


def probe_lengths(size: int, count: int) -> list[int]:
    """The lengths of the prefixes of a batch that a search would ask for, at most so many: the likeliest first."""
    found: list[int] = []
    searches = [PrefixSearch(red=size)] if size > 1 else []
    while searches and len(found) < count:
        search = searches.pop(0)
        found.append(search.next_prefix())
        following = (search.after(found[-1], green=green) for green in (True, False))
        searches += [one for one in following if one.suspect is None]
    return found
