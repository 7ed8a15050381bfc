"""Landings and submissions as the refs of the repository have them, which no older copy of the database takes back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from coworkd.system.git import Repo
from coworkd.system.git.numbered_refs import numbered_refs
from coworkd.system.git.refs import LANDINGS, SUBMISSIONS
from coworkd.system.git.trailers import ATTEMPT, SUBMISSION, TASK, trailers_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingRef:
    """`refs/cowork/land/SEQUENCE`, with what its merge commit says of itself."""

    sequence: int
    commit: str
    tree: str
    task: str
    attempt: int
    number: int
    submission: str
    """The commit that was submitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRef:
    """`refs/cowork/sub/TASK/NUMBER`."""

    task: str
    number: int
    commit: str
    tree: str
    parent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingCommit:
    """What a merge by which a submission landed says of itself."""

    commit: str
    tree: str
    task: str
    attempt: str
    number: int
    submission: str
    """The commit that was submitted."""


def landing_commits(repo: Repo) -> dict[int, str]:
    """The commit of each landing by its sequence number, the first one first."""
    return numbered_refs(repo, LANDINGS)


def read_landing_commits(repo: Repo, commits: Collection[str]) -> dict[str, LandingCommit]:
    """What these merges say of themselves; those without the trailers of a landing are left out."""
    if not commits:
        return {}
    names = list(commits)
    trailers = trailers_of(repo, names)
    found = (_landing(name, one.tree, trailers[name]) for name, one in zip(names, repo.commits(names), strict=True))
    return {landing.commit: landing for landing in found if landing}


def _landing(commit: str, tree: str, trailers: Mapping[str, str]) -> LandingCommit | None:
    task, attempt = trailers[TASK], trailers[ATTEMPT]
    number, _, submitted = trailers[SUBMISSION].partition(" ")
    if not task or not number.isdecimal():
        return None
    return LandingCommit(commit=commit, tree=tree, task=task, attempt=attempt, number=int(number), submission=submitted)


def read_landings(repo: Repo, *, above: int = 0) -> list[LandingRef]:
    """Every landing with a higher number than `above`, oldest first; merges without the trailers are left out."""
    newer = {number: commit for number, commit in landing_commits(repo).items() if number > above}
    found = read_landing_commits(repo, frozenset(newer.values()))
    return [
        LandingRef(
            sequence=number, commit=commit, tree=landing.tree, task=landing.task, attempt=int(landing.attempt),
            number=landing.number, submission=landing.submission,
        )
        for number, commit in newer.items()
        if (landing := found.get(commit)) and landing.attempt.isdecimal()
    ]  # fmt: skip


def latest_of_each(landings: Iterable[LandingRef]) -> Mapping[str, LandingRef]:
    """The last landing of every task."""
    return {landing.task: landing for landing in landings}


def latest_submissions(repo: Repo) -> Mapping[str, SubmissionRef]:
    """The submission with the highest number of every task."""
    form = "--format=%(refname)%00%(objectname)%00%(tree)%00%(parent)"
    latest: dict[str, SubmissionRef] = {}
    for line in repo.run("for-each-ref", form, SUBMISSIONS).text.splitlines():
        ref, commit, tree, parents = line.split("\0")
        task, _, number = ref.removeprefix(f"{SUBMISSIONS}/").rpartition("/")
        task = task.strip("+")
        if number.isdecimal() and (task not in latest or latest[task].number < int(number)):
            parent = parents.partition(" ")[0]
            latest[task] = SubmissionRef(task=task, number=int(number), commit=commit, tree=tree, parent=parent)
    return latest
