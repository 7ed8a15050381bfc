"""Walks through histories of any shape, with clocks that go wrong, beside sets of ancestors that are simply counted."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from coworkd.system.git.commit_graph import FarHistoryError, commits_between, contains, first_parents, merge_bases
from coworkd.system.git.objects import CommitObject


@dataclass
class Made:
    """A history by name; `read` says what was asked for."""

    commits: dict[str, CommitObject]

    def read(self, names: Sequence[str]) -> list[CommitObject]:
        return [self.commits[name] for name in names]

    def ancestors(self, name: str) -> set[str]:
        found: set[str] = set()
        rest = [name]
        while rest:
            if (at := rest.pop()) not in found:
                found.add(at)
                rest += self.commits[at].parents
        return found


def _commit(parents: Sequence[str], time: int) -> CommitObject:
    return CommitObject("", tuple(parents), f"committer A <a@b> {time} +0000".encode())


def _history(seed: int, skew: int) -> Made:
    rng = random.Random(seed)
    made = Made({"c0": _commit((), 1000)})
    for number in range(1, 60):
        parents = rng.sample(list(made.commits)[-8:], min(rng.choice((0, 1, 1, 1, 2, 3)), len(made.commits)))
        made.commits[f"c{number}"] = _commit(parents, 1000 + number * 10 + rng.randint(-skew, skew))
    return made


@pytest.mark.parametrize("skew", [0, 25])
@pytest.mark.parametrize("seed", range(20))
def test_every_answer_is_that_of_the_sets(seed: int, skew: int) -> None:
    made, rng = _history(seed, skew), random.Random(seed)
    names = list(made.commits)
    for _ in range(40):
        one, other, third = rng.sample(names, 3)
        assert contains(made.read, one, other) == (other in made.ancestors(one))
        between = made.ancestors(one) | made.ancestors(other)
        assert set(commits_between(made.read, [one, other], [third])) == between - made.ancestors(third)
        common = made.ancestors(one) & made.ancestors(other)
        best = {c for c in common if not any(c != d and c in made.ancestors(d) for d in common)}
        found = set(merge_bases(made.read, one, other))
        assert found == best if len(found) < 2 else found >= best
        chain = first_parents(made.read, one, [other])
        assert [commit for commit, _ in chain] == [c for c in _chain(made, one) if c not in made.ancestors(other)]


def _chain(made: Made, name: str) -> list[str]:
    chain = [name]
    while parents := made.commits[chain[-1]].parents:
        chain.append(parents[0])
    return chain


def test_the_beginning_of_a_long_history_is_far() -> None:
    made = Made({"c0": _commit((), 0)})
    for number in range(1, 3000):
        made.commits[f"c{number}"] = _commit([f"c{number - 1}"], number)
    assert contains(made.read, "c2999", "c2900")
    assert not contains(made.read, "c2900", "c2999")
    assert len(commits_between(made.read, ["c2999"], ["c2900"])) == 99
    for ask in (lambda: contains(made.read, "c2999", "c0"), lambda: commits_between(made.read, ["c2999"], [])):
        with pytest.raises(FarHistoryError):
            ask()
