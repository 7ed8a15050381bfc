"""Questions about history, answered from the commits themselves: pure, given something that reads commits.

What is near costs no process. A walk that would visit more than `FAR` commits raises FarHistoryError, and git is asked.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from coworkd.system.git.objects import CommitObject

FAR = 1000
"""Commits that one question may visit."""
_SLOP = 32
"""Commits that are looked at beyond the oldest one found, for clocks differ: git looks at five."""

Read = Callable[[Sequence[str]], list[CommitObject]]
"""The commits of these ids, with the parents that count."""

_ONE, _OTHER, _COMMON = 1, 2, 4


class FarHistoryError(Exception):
    """The answer lies further back than it is worth to walk here."""


@dataclass(slots=True)
class _Walk:
    """From several commits towards the beginning, the latest first; each carries the sides that it was reached from."""

    read: Read
    eager: bool = False
    """What a visited commit is reached from later is told to its ancestors at once, not when it is visited again."""
    flags: dict[str, int] = field(default_factory=dict[str, int])
    known: dict[str, CommitObject] = field(default_factory=dict[str, CommitObject])
    visited: set[str] = field(default_factory=set[str])
    queue: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    def reach(self, commits: Iterable[str], flags: int) -> None:
        """Note that these commits are reached from the sides in `flags`."""
        rest = list(commits)
        while rest:
            new = [one for one in dict.fromkeys(rest) if flags & ~self.flags.get(one, 0)]
            self._learn([one for one in new if one not in self.known])
            rest = list[str]()
            for one in new:
                seen = one in self.flags
                self.flags[one] = self.flags.get(one, 0) | flags
                if self.eager and one in self.visited:
                    rest += self.known[one].parents
                elif not (self.eager and seen):
                    heapq.heappush(self.queue, (-self.known[one].time, one))

    def _learn(self, unread: Sequence[str]) -> None:
        if len(self.known) + len(unread) > FAR:
            raise FarHistoryError
        self.known |= dict(zip(unread, self.read(unread), strict=True)) if unread else {}

    def step(self, commit: str, flags: int) -> None:
        """Tell the parents of a commit from which sides they are reached."""
        self.reach(self.known[commit].parents, flags)

    def pop(self) -> str:
        """The latest commit that is left to visit."""
        commit = heapq.heappop(self.queue)[1]
        self.visited.add(commit)
        return commit

    def has_open(self, sides: int) -> bool:
        """Whether a commit is left that not all of these sides have reached."""
        return any(self.flags[commit] & sides != sides for _, commit in self.queue)


def contains(read: Read, new: str, old: str) -> bool:
    """Whether `old` is `new` or an ancestor of it: `git merge-base --is-ancestor`."""
    walk = _Walk(read)
    walk.reach([new], _ONE)
    walk.reach([old], _OTHER)
    # What both have reached leads to nothing but what both have.
    while not walk.flags[old] & _ONE and walk.has_open(_ONE | _OTHER):
        commit = walk.pop()
        walk.step(commit, walk.flags[commit])
    return bool(walk.flags[old] & _ONE)


def commits_between(read: Read, tips: Sequence[str], without: Sequence[str]) -> list[str]:
    """What the tips contain and none of `without` does, the latest first: `git rev-list TIPS ^WITHOUT`."""
    walk = _Walk(read, eager=True)
    walk.reach(tips, _ONE)
    walk.reach(without, _OTHER)
    found: dict[str, None] = {}
    oldest, slop = 0, _SLOP
    while walk.queue and slop:
        commit = walk.pop()
        walk.step(commit, walk.flags[commit])
        if not walk.flags[commit] & _OTHER:
            found[commit] = None
            oldest = walk.known[commit].time
        elif walk.has_open(_OTHER) or (walk.queue and found and oldest <= -walk.queue[0][0]):
            slop = _SLOP
        else:
            slop -= 1
    return [commit for commit in found if not walk.flags[commit] & _OTHER]


def merge_bases(read: Read, one: str, other: str) -> list[str]:
    """The latest commits that both contain; where there are several, one may contain another."""
    walk = _Walk(read)
    walk.reach([one], _ONE)
    walk.reach([other], _OTHER)
    found: dict[str, None] = {}
    while walk.has_open(_COMMON):
        commit = walk.pop()
        flags = walk.flags[commit]
        if flags == _ONE | _OTHER:
            found[commit] = None
            flags |= _COMMON
        walk.step(commit, flags)
    return [commit for commit in found if not walk.flags[commit] & _COMMON]


def first_parents(read: Read, tip: str, without: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Commits and their parents along the first parents of `tip`, newest first, but for what `without` contains."""
    left = dict.fromkeys(commits_between(read, [tip], without))
    chain: list[tuple[str, tuple[str, ...]]] = []
    at = tip
    while at in left:
        parents = read([at])[0].parents
        chain.append((at, parents))
        if not parents:
            break
        at = parents[0]
    return chain
