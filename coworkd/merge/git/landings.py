"""Landings as the merge queue compares them: each with the submission that it merged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
