"""Landings and submissions as the refs of the repository have them, which no older copy of the database takes back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from coworkd.system.git import Repo
from coworkd.system.git.refs import refs_under

LANDINGS = "refs/cowork/land"
SUBMISSIONS = "refs/cowork/sub"
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


def read_landings(repo: Repo, *, above: int = 0) -> list[LandingRef]:
    """Every landing with a higher number than `above`, oldest first; merges without the trailers are left out."""
    named = ((ref.rpartition("/")[2], commit) for ref, commit in refs_under(repo, LANDINGS).items())
    found = {commit: int(number) for number, commit in named if number.isdecimal() and int(number) > above}
    if not found:
        return []
    # Not for-each-ref: git 2.39 mixes up several trailers that are asked for in one format.
    trailers = "".join(f"%x00%(trailers:key={key},valueonly,separator=%x2C)" for key in _TRAILERS)
    asked = "".join(f"{commit}\n" for commit in found).encode()
    arguments = ("log", "--no-walk=unsorted", "--stdin", f"--format=%H%x00%T{trailers}")
    lines = repo.run(*arguments, stdin=asked, timeout=_TIMEOUT).text.splitlines()
    told = (fields for line in lines if len(fields := line.split("\0")) == 2 + len(_TRAILERS))
    made = (landing for fields in told if (landing := _landing(found[fields[0]], fields)))
    return sorted(made, key=lambda landing: landing.sequence)


def _landing(sequence: int, fields: Sequence[str]) -> LandingRef | None:
    commit, tree, task, attempt, submission = (field.strip() for field in fields)
    number, _, submitted = submission.partition(" ")
    if not (task and attempt.isdecimal() and number.isdecimal()):
        return None
    return LandingRef(
        sequence=sequence, commit=commit, tree=tree, task=task, attempt=int(attempt), number=int(number),
        submission=submitted,
    )  # fmt: skip


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
