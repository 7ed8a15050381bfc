"""Which commits a branch has had for long, remembered from one tip to the next.

What a commit contains never changes, and each landing adds one commit: of a thousand landings only the new one is
looked for. All names are full ids.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from coworkd.system.git import Repo


def ancestors_in(repo: Repo, commits: Collection[str], tip: str) -> frozenset[str]:
    """Those of the commits that are there and that `tip` contains."""
    asked = frozenset(commits)
    inside, outside = _remembered_ancestry(repo, tip)
    if asked - inside - outside:
        # What a parent contains, its child contains, and itself.
        inside = inside.union(
            [tip], *(_remembered_ancestry(repo, parent)[0] for parent in repo.commits([tip])[0].parents)
        )
        unknown = _existing_commits(
            repo, [one for one in dict.fromkeys(commits) if one not in inside and one not in outside]
        )
        outside |= _not_contained(repo, unknown, tip, outside)
        inside |= frozenset(unknown) - outside
        repo.answers.add({_cache_name(tip): f"{' '.join(sorted(inside))}\0{' '.join(sorted(outside))}".encode()})
    return asked & inside


def _existing_commits(repo: Repo, commits: Sequence[str]) -> list[str]:
    named = repo.resolve_all([f"{one}^{{commit}}" for one in commits])
    return [one for one, commit in zip(commits, named, strict=True) if commit == one]


def _not_contained(repo: Repo, commits: Sequence[str], tip: str, known: frozenset[str]) -> frozenset[str]:
    """Those of the commits that `tip` does not contain; `known` are such commits."""
    found, unclear = set[str](), list[str]()
    for name, commit in zip(commits, repo.commits(commits), strict=True):
        # What lacks a commit lacks its children.
        if known.isdisjoint(commit.parents) and found.isdisjoint(commit.parents):
            unclear.append(name)
        else:
            found.add(name)
    walked = repo.commits_between(unclear, [tip]) if unclear else ()
    return frozenset(found.union(frozenset(unclear).intersection(walked)))


def _remembered_ancestry(repo: Repo, tip: str) -> tuple[frozenset[str], frozenset[str]]:
    """Commits that the tip is known to contain, and such that it is known not to."""
    known = repo.answers.get(_cache_name(tip))
    if known is None:
        return frozenset(), frozenset()
    inside, outside = known.decode().split("\0")
    return frozenset(inside.split()), frozenset(outside.split())


def _cache_name(tip: str) -> str:
    return f"ancestors of {tip}"


def first_parents(repo: Repo, tip: str, without: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Commits and their parents along the first parents of `tip`, latest first, but for what `without` contains."""
    known = repo.answers.get(_chain_name(tip, without))
    if known is None:
        parents = repo.commits([tip])[0].parents
        before = repo.answers.get(_chain_name(parents[0], without)) if parents else None
        # Where something of the parent's chain counts, the child cannot be in `without`.
        chain = [(tip, parents)] if before else repo.first_parents(tip, without)
        known = "".join(f"{' '.join((commit, *others))}\n" for commit, others in chain).encode() + (before or b"")
        repo.answers.add({_chain_name(tip, without): known})
    lines = (line.split(" ") for line in known.decode().splitlines())
    return [(commit, tuple(others)) for commit, *others in lines]


def _chain_name(tip: str, without: Sequence[str]) -> str:
    return f"first parents of {tip} without {' '.join(sorted(without))}"
