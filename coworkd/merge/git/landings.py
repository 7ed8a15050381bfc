"""Landings as the merge queue compares them: each with the submission that it merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from coworkd.history.landing_refs import read_landing_commits
from coworkd.store.landings import Landing
from coworkd.system.git import Repo


def read_landings(repo: Repo, commits: Sequence[str]) -> list[Landing]:
    """The landings that these merges are, in the same order; what is none is left out."""
    found = read_landing_commits(repo, commits)
    told = (found[commit] for commit in commits if commit in found)
    return [
        Landing(task=one.task, number=one.number, submission=one.submission, commit=one.commit)
        for one in told
        if one.submission
    ]


def latest_of_each(landings: Iterable[Landing]) -> list[Landing]:
    """Without those that were merged again later: of each submission the last, in the order given."""
    last = {landing.key: landing for landing in landings}
    return list(last.values())


def first_parents(repo: Repo, tip: str, without: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Commits and their parents along the first parents of `tip`, newest first, but for what `without` contains.

    No path is given on purpose: with one, git simplifies history and leaves out merges.
    """
    excluded = [f"^{commit}" for commit in without]
    for line in repo.run("rev-list", "--first-parent", "--parents", tip, *excluded, timeout=600).text.splitlines():
        commit, *parents = line.split()
        yield commit, tuple(parents)
