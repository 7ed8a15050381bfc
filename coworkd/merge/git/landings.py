"""The landings that the refs know: `refs/cowork/land/SEQ`, each with the submission that it merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from coworkd.merge.git.integration import SUBMISSION_TRAILER, TASK_TRAILER
from coworkd.store.landings import Landing
from coworkd.system.git import Repo
from coworkd.system.git.refs import refs_under

LANDINGS = "refs/cowork/land"


def landing_refs(repo: Repo) -> dict[int, str]:
    """The commit of each landing by its sequence number."""
    named = ((name.rpartition("/")[2], commit) for name, commit in refs_under(repo, LANDINGS).items())
    return {int(number): commit for number, commit in sorted(named) if number.isdecimal()}


def read_landings(repo: Repo, commits: Sequence[str]) -> list[Landing]:
    """The landings that these merges are, in the same order; what is none is left out."""
    if not commits:
        return []
    trailers = (f"%(trailers:key={key},valueonly,separator=%x2C)" for key in (TASK_TRAILER, SUBMISSION_TRAILER))
    arguments = ("log", "--no-walk=unsorted", "-z", "--stdin", f"--format=%H%x00{'%x00'.join(trailers)}")
    asked = "".join(f"{commit}\n" for commit in commits).encode()
    fields = iter(repo.run(*arguments, stdin=asked, timeout=600).fields)
    found = {commit: (next(fields), next(fields)) for commit in fields}
    return [made for commit in commits if commit in found and (made := _landing(commit, *found[commit]))]


def _landing(commit: str, task: str, submission: str) -> Landing | None:
    number, _, submitted = submission.partition(" ")
    if not task or not submitted or not number.isdecimal():
        return None
    return Landing(task=task, number=int(number), submission=submitted, commit=commit)


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
