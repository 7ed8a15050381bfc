"""The landing that brought a commit, or a line.

It is found by the history of merges, else by its patch, which a squash, a rebase or a cherry-pick by a person leaves,
else by what a commit says of itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from coworkd.history.code_location import LineOrigin
from coworkd.history.landing_refs import LandingCommit, landing_commits, read_landing_commits
from coworkd.system.git import Repo
from coworkd.system.git.patches import NO_CHANGE, CommitPatch, changes_of, patches

_MAX_LANDINGS = 500
"""The latest landings whose patches are compared."""
_MAX_SQUASHES = 20
"""The latest landings for which it is looked whether a commit is a squash of all up to them."""
_TRAILER = re.compile(r"^[ \t]*Cowork-(?P<key>Task|Attempt|Submission): (?P<value>\S.*?)[ \t]*$", re.MULTILINE)
"""Also where it was indented, as `git merge --squash` does."""


class KnownBy(StrEnum):
    """How a landing is known to have brought something."""

    MERGE = "merge"
    """Its merge is in the history, and this repository recorded it as a landing."""
    PATCH = "patch"
    """The commit has the same patch as the landing, or as one of the commits that landed."""
    SQUASH = "squash"
    """The commit has the patch of several landings together."""
    TRAILERS = "trailers"
    """The commit says so of itself, and this repository has no record of the landing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLanding:
    """A landing, and how it was found."""

    landing: LandingCommit
    known_by: KnownBy
    together: tuple[str, ...] = field(default=())
    """Of a squash: all tasks in it."""


def find_landing(repo: Repo, origin: LineOrigin) -> FoundLanding | None:
    """The landing that brought it; None: none did."""
    recorded = tuple(landing_commits(repo).values())
    bringing = _bringing_merge(repo, origin.tip, origin.commit)
    if bringing is not None:
        known_by = KnownBy.MERGE if bringing.commit in recorded else KnownBy.TRAILERS
        if known_by is KnownBy.MERGE or not recorded:
            return FoundLanding(landing=bringing, known_by=known_by)
    known = read_landing_commits(repo, _readable(repo, recorded[-_MAX_LANDINGS:]))
    landings = [known[commit] for commit in recorded if commit in known]
    return (
        _by_patch(repo, origin.commit, landings)
        or _by_squash(repo, origin, landings)
        or _by_own_words(repo, origin.commit, bringing)
    )


def _readable(repo: Repo, commits: Sequence[str]) -> list[str]:
    found = repo.resolve_all([f"{commit}^{{commit}}" for commit in commits])
    return [commit for commit in found if commit]


# ---- by the history of merges


def _bringing_merge(repo: Repo, tip: str, commit: str) -> LandingCommit | None:
    """The landing on the main line of `tip`, or of what was merged into it by hand, that brought a commit.

    Commits within a landing are not asked: what they say of themselves, an agent has written.
    """
    while repo.is_ancestor(commit, tip):
        merge = _first_with(repo, tip, commit)
        landing = read_landing_commits(repo, [merge]).get(merge)
        if landing is not None and len(repo.commits([merge])[0].parents) > 1:
            return landing
        others = repo.commits([merge])[0].parents[1:]
        within = next((parent for parent in others if merge != commit and repo.is_ancestor(commit, parent)), None)
        if within is None:
            return None
        tip = within
    return None


def _first_with(repo: Repo, tip: str, commit: str) -> str:
    """The oldest commit on the main line of `tip` that contains a commit."""
    parents = repo.commits([commit])[0].parents
    line = [name for name, _ in repo.first_parents(tip, parents)]
    after = set(repo.run("rev-list", "--ancestry-path", f"{commit}..{tip}").text.split()) | {commit}
    return next((one for one in reversed(line) if one in after), tip)


# ---- by patch


def _by_patch(repo: Repo, commit: str, landings: Sequence[LandingCommit]) -> FoundLanding | None:
    own = _patch_of(repo, commit)
    if own == NO_CHANGE:
        return None
    nets = patches(repo, [_net(repo, landing) for landing in landings])
    submitted = _submitted_patches(repo, landings)
    for landing, net, within in zip(reversed(landings), reversed(nets), reversed(submitted), strict=True):
        if own == net or own in within:
            return FoundLanding(landing=landing, known_by=KnownBy.PATCH)
    return None


def _patch_of(repo: Repo, commit: str) -> str:
    parents = repo.commits([commit])[0].parents
    return patches(repo, [CommitPatch(old=parents[0], new=commit)])[0] if parents else NO_CHANGE


def _net(repo: Repo, landing: LandingCommit) -> CommitPatch:
    return CommitPatch(old=repo.commits([landing.commit])[0].parents[0], new=landing.commit)


def _submitted_patches(repo: Repo, landings: Sequence[LandingCommit]) -> list[frozenset[str]]:
    """Of the commits that each landing brought, each by itself, as a rebase leaves them."""
    within = [changes_of(repo, f"{one.commit}^2", [f"{one.commit}^1"], merges=False) for one in landings]
    found = iter(patches(repo, [change for changes in within for change in changes]))
    return [frozenset(next(found) for _ in changes) for changes in within]


# ---- by the patch of several


def _by_squash(repo: Repo, origin: LineOrigin, landings: Sequence[LandingCommit]) -> FoundLanding | None:
    """Where a commit is everything up to some landing in one: of a line, the landing that wrote it there."""
    own = _patch_of(repo, origin.commit)
    for number in range(len(landings), max(len(landings) - _MAX_SQUASHES, 0), -1) if own != NO_CHANGE else ():
        upto = landings[number - 1].commit
        base = repo.merge_bases(f"{origin.commit}^1", upto)[:1]
        if not base or patches(repo, [CommitPatch(old=base[0], new=upto)])[0] != own:
            continue
        within = [one for one in landings[:number] if not repo.is_ancestor(one.commit, base[0])]
        chosen = _writer(repo, origin, upto) or within[-1]
        return FoundLanding(
            landing=chosen, known_by=KnownBy.SQUASH, together=tuple(dict.fromkeys(one.task for one in within))
        )
    return None


def _writer(repo: Repo, origin: LineOrigin, upto: str) -> LandingCommit | None:
    """The landing that wrote a line, by the history that was squashed."""
    if not origin.path:
        return None
    shown = repo.run("blame", "--porcelain", "--no-textconv", upto, "--", origin.path, check=False)
    if shown.code != 0:
        return None
    lines = _blamed_lines(shown.out.decode("utf-8", "surrogateescape"))
    same = [(abs(number - origin.line), commit) for number, commit, text in lines if text == origin.text]
    return _bringing_merge(repo, upto, min(same)[1]) if same else None


def _blamed_lines(porcelain: str) -> list[tuple[int, str, str]]:
    """Number, commit and text of each line."""
    found: list[tuple[int, str, str]] = []
    head: list[str] = []
    for line in porcelain.split("\n"):
        if line.startswith("\t"):
            found.append((int(head[2]), head[0], line[1:]))
            head = []
        elif not head:
            head = line.split(" ")
    return found


# ---- by its own words


def _by_own_words(repo: Repo, commit: str, bringing: LandingCommit | None) -> FoundLanding | None:
    """What the commit says of itself, or the merge that brought it: no landing is recorded here that it could be."""
    if bringing is not None:
        return FoundLanding(landing=bringing, known_by=KnownBy.TRAILERS)
    message = repo.run("show", "--no-patch", "--format=%B", commit).text
    told: dict[str, list[str]] = {"Task": [], "Attempt": [], "Submission": []}
    for trailer in _TRAILER.finditer(message):
        told[trailer["key"]].append(trailer["value"])
    if not told["Task"] or not told["Submission"]:
        return None
    number, _, submitted = told["Submission"][0].partition(" ")
    landing = LandingCommit(
        commit=commit, tree=repo.tree_of(commit), task=told["Task"][0], attempt="".join(told["Attempt"][:1]),
        number=int(number) if number.isdecimal() else 0, submission=submitted,
    )  # fmt: skip
    tasks = tuple(dict.fromkeys(told["Task"]))
    return FoundLanding(landing=landing, known_by=KnownBy.TRAILERS, together=tasks if len(tasks) > 1 else ())
