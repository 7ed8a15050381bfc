"""Landings and submissions as the refs of the repository have them, which no older copy of the database takes back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from coworkd.system.git import Repo
from coworkd.system.git.refs import LANDINGS, SUBMISSIONS, refs_under

_TIMEOUT = 600.0
_TRAILERS = ("Cowork-Task", "Cowork-Attempt", "Cowork-Submission")


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
    named = ((name.rpartition("/")[2], commit) for name, commit in refs_under(repo, LANDINGS).items())
    return dict(sorted((int(number), commit) for number, commit in named if number.isdecimal()))


def read_landing_commits(repo: Repo, commits: Collection[str]) -> dict[str, LandingCommit]:
    """What these merges say of themselves; those without the trailers of a landing are left out."""
    if not commits:
        return {}
    # Not for-each-ref: git 2.39 mixes up several trailers that are asked for in one format.
    trailers = "".join(f"%x00%(trailers:key={key},valueonly,separator=%x2C)" for key in _TRAILERS)
    arguments = ("log", "--no-walk=unsorted", "-z", "--stdin", f"--format=%H%x00%T{trailers}")
    asked = "".join(f"{commit}\n" for commit in commits).encode()
    fields = repo.run(*arguments, stdin=asked, timeout=_TIMEOUT).fields
    size = 2 + len(_TRAILERS)
    found = (_landing(fields[start : start + size]) for start in range(0, len(fields) - size + 1, size))
    return {landing.commit: landing for landing in found if landing}


def _landing(fields: Sequence[str]) -> LandingCommit | None:
    commit, tree, task, attempt, submission = (field.strip() for field in fields)
    number, _, submitted = submission.partition(" ")
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
