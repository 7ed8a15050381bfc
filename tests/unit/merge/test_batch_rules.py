"""Batches, played on a queue whose submissions are known to be good or bad."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.merge.batch_rules import (
    FIRST_SIZE,
    MAX_SIZE,
    MIN_SIZE,
    PrefixSearch,
    choose_batch,
    grow,
    probe_lengths,
    shrink,
)


@dataclass(frozen=True)
class Entry:
    name: int
    conditions: Hashable = "same"


IsGreen = Callable[[Sequence[int]], bool]
"""Whether a tree with these submissions, in the order in which they landed, is green."""


@dataclass
class Queue:
    """The queue as it is worked on: verifications are counted, confirmations among them."""

    waiting: list[Entry]
    is_green: IsGreen
    size: int = FIRST_SIZE
    landed: list[int] = field(default_factory=list[int])
    blamed: list[int] = field(default_factory=list[int])
    flaky: list[int] = field(default_factory=list[int])
    verifications: int = 0
    moves: int = 0

    def verify(self, batch: Sequence[Entry]) -> bool:
        self.verifications += 1
        return self.is_green([*self.landed, *(entry.name for entry in batch)])

    def land(self, batch: Sequence[Entry]) -> None:
        self.moves += bool(batch)
        self.landed += [entry.name for entry in batch]
        self.waiting = [entry for entry in self.waiting if entry not in batch]

    def step(self) -> None:
        batch = choose_batch(self.waiting, self.size)
        if self.verify(batch):
            self.size = grow(self.size)
            self.land(batch)
        elif len(batch) == 1:
            self.blame(batch[0])
        else:
            self.size = shrink(self.size)
            self.search(batch)

    def search(self, batch: Sequence[Entry]) -> None:
        search = PrefixSearch(red=len(batch))
        while search.suspect is None:
            prefix = search.next_prefix()
            search = search.after(prefix, green=self.verify(batch[:prefix]))
        self.land(batch[: search.suspect])
        suspect = batch[search.suspect]
        if self.verify([suspect]):
            self.flaky.append(suspect.name)
            self.land([suspect])
        else:
            self.blame(suspect)

    def blame(self, entry: Entry) -> None:
        self.blamed.append(entry.name)
        self.waiting.remove(entry)

    def run(self) -> Queue:
        while self.waiting:
            self.step()
        return self


def without(bad: frozenset[int]) -> IsGreen:
    return lambda names: bad.isdisjoint(names)


def queue(number: int, is_green: IsGreen) -> Queue:
    return Queue([Entry(name) for name in range(number)], is_green)


def test_fifty_tasks_of_which_five_are_bad_take_at_most_37_verifications() -> None:
    counted: list[int] = []
    for seed in range(200):
        bad = frozenset(random.Random(seed).sample(range(50), 5))
        played = queue(50, without(bad)).run()
        assert set(played.blamed) == bad
        assert set(played.landed) == set(range(50)) - bad
        counted.append(played.verifications)
    assert sorted(counted)[189] <= 37, sorted(counted)


def test_a_green_queue_lands_in_few_moves() -> None:
    played = queue(50, without(frozenset())).run()
    assert (played.verifications, played.moves) == (5, 5)
    assert played.landed == list(range(50))


@given(st.integers(2, 30), st.data())
def test_of_two_that_are_red_only_together_the_later_is_blamed(number: int, data: st.DataObject) -> None:
    first, second = sorted(data.draw(st.lists(st.integers(0, number - 1), min_size=2, max_size=2, unique=True)))
    played = queue(number, lambda names: not {first, second} <= set(names)).run()
    assert played.blamed == [second]
    assert played.landed == [name for name in range(number) if name != second]


@given(st.integers(1, 40), st.sets(st.integers(0, 39)))
def test_whatever_is_bad_is_blamed_and_nothing_else(number: int, bad: set[int]) -> None:
    played = queue(number, without(frozenset(bad))).run()
    assert set(played.blamed) == bad & set(range(number))
    assert played.landed == [name for name in range(number) if name not in bad]


@given(st.integers(2, 20), st.integers(0, 2**32))
def test_nobody_in_a_batch_is_blamed_for_what_was_red_once(number: int, seed: int) -> None:
    """Every submission is good, and each tree is red at most the first time."""
    chance, seen = random.Random(seed), set[tuple[int, ...]]()

    def is_green(names: Sequence[int]) -> bool:
        first = tuple(names) not in seen
        seen.add(tuple(names))
        return not first or chance.random() > 0.3

    played = queue(number, is_green)
    while len(played.waiting) > 1:
        played.step()
    assert played.blamed == []
    assert set(played.flaky) <= set(played.landed)


def test_only_what_is_checked_alike_is_together_and_the_first_is_never_passed_over() -> None:
    entries = [Entry(1, "a"), Entry(2, "b"), Entry(3, None), Entry(4, "a")]
    assert [entry.name for entry in choose_batch(entries, 4)] == [1, 4]
    assert [entry.name for entry in choose_batch(entries[1:], 4)] == [2]
    assert [entry.name for entry in choose_batch(entries[2:], 4)] == [3]


@pytest.mark.parametrize(("size", "grown", "shrunk"), [(4, 8, 2), (8, 16, 4), (16, 16, 8), (2, 4, 2)])
def test_batches_double_while_they_are_green_and_are_halved_when_one_is_red(size: int, grown: int, shrunk: int) -> None:
    assert (grow(size), shrink(size)) == (grown, shrunk)
    assert MIN_SIZE <= shrunk <= grown <= MAX_SIZE


@pytest.mark.parametrize(
    ("size", "count", "lengths"),
    [(8, 3, [4, 6, 2]), (16, 1, [8]), (4, 9, [2, 3, 1]), (2, 4, [1]), (1, 4, []), (8, 0, [])],
)
def test_probes_are_what_a_search_asks_for_first(size: int, count: int, lengths: list[int]) -> None:
    assert probe_lengths(size, count) == lengths


@given(size=st.integers(2, 16), bad=st.integers(0, 15))
def test_with_enough_probes_a_search_verifies_nothing_itself(size: int, bad: int) -> None:
    probed, search = set(probe_lengths(size, size)), PrefixSearch(red=size)
    assert probed == set(range(1, size))
    while search.suspect is None:
        prefix = search.next_prefix()
        assert prefix in probed
        search = search.after(prefix, green=prefix <= bad)
