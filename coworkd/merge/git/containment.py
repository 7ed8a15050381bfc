"""Which landings a commit contains: each by ancestry, or by its patches after a squash, a rebase or a cherry-pick.

Answered for each landing by itself. A listing that turned out empty never counts as proof.
"""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.merge.git.ancestry import ancestors_in
from coworkd.store.landings import Landing
from coworkd.system.git import Repo
from coworkd.system.git.patches import NO_CHANGE, CommitPatch, changes_of, patches

_SQUASHES = 20
"""Latest landings for which it is looked whether a commit holds everything up to them."""


def contained_in(repo: Repo, landings: Sequence[Landing], commit: str) -> frozenset[Landing]:
    """Those of the landings that are in `commit`; the cost follows what differs, not how many landings there were."""
    there = ancestors_in(repo, [landing.commit for landing in landings], commit)
    found = {landing for landing in landings if landing.commit in there}
    rest = [landing for landing in landings if landing.commit not in there]
    return frozenset(found.union(_contained_by_patch(repo, rest, commit)) if rest else found)


def _contained_by_patch(repo: Repo, landings: Sequence[Landing], commit: str) -> set[Landing]:
    """Those whose patches are among the changes of `commit`'s own history since the first of them.

    Where these change nothing, no landing that changes something is there. This is remembered: as long as a target
    stays where it is, only new landings are looked at.
    """
    first, name = landings[0], f"landings that {commit} lacks, from {landings[0].commit}"
    absent = frozenset((repo.answers.get(name) or b"").decode().split())
    new = [landing for landing in landings if landing.commit not in absent]
    if new and absent and not _existing_landings(repo, [first]):
        absent, new = frozenset[str](), list(landings)
    rest = _existing_landings(repo, new) if new else []
    if not rest:
        return set()
    start = first if absent else rest[0]
    base = repo.merge_bases(commit, f"{start.commit}^1")[:1]
    present_patches = frozenset(patches(repo, changes_of(repo, commit, base)))
    found = _by_patch(repo, rest, commit, present_patches)
    if start is first and present_patches <= {NO_CHANGE}:
        absent |= {landing.commit for landing in rest if landing not in found}
        repo.answers.add({name: " ".join(sorted(absent)).encode()})
    present = absent.union(landing.commit for landing in rest)
    return _without_gaps([landing for landing in landings if landing.commit in present], found)


def _existing_landings(repo: Repo, landings: Sequence[Landing]) -> list[Landing]:
    present = repo.resolve_all([f"{landing.commit}^{{commit}}" for landing in landings])
    return [landing for landing, commit in zip(landings, present, strict=True) if commit]


def _by_patch(repo: Repo, landings: Sequence[Landing], commit: str, present_patches: frozenset[str]) -> set[Landing]:
    """Those of which the patch, each commit's patch, or the patch of all up to some landing is present."""
    nets = patches(repo, [CommitPatch(old=parent, new=name) for name, parent in _first_parents(repo, landings)])
    found = {landing for landing, net in zip(landings, nets, strict=True) if net == NO_CHANGE or net in present_patches}
    if present_patches - {NO_CHANGE}:
        found |= {
            landing for landing in landings if landing not in found and _has_each_commit(repo, landing, present_patches)
        }
        found |= _squashed_landings(
            repo, [landing for landing in landings if landing not in found], commit, present_patches
        )
    return found


def _first_parents(repo: Repo, landings: Sequence[Landing]) -> list[tuple[str, str]]:
    names = [landing.commit for landing in landings]
    return [(name, one.parents[0]) for name, one in zip(names, repo.commits(names), strict=True)]


def _without_gaps(landings: Sequence[Landing], found: set[Landing]) -> set[Landing]:
    """A change that was taken back and brought again has one patch: it proves the later only with all between."""
    missing: set[str] = set()
    kept: set[Landing] = set()
    for landing in landings:
        if landing in found and landing.task not in missing:
            kept.add(landing)
        else:
            missing.add(landing.task)
    return kept


def _has_each_commit(repo: Repo, landing: Landing, present_patches: frozenset[str]) -> bool:
    """Whether each commit that was submitted is there by itself, as a rebase leaves them."""
    between = changes_of(repo, f"{landing.commit}^2", [f"{landing.commit}^1"], merges=False)
    own = [patch for patch in patches(repo, between) if patch != NO_CHANGE]
    return bool(own) and present_patches.issuperset(own)


def _squashed_landings(
    repo: Repo, landings: Sequence[Landing], commit: str, present_patches: frozenset[str]
) -> set[Landing]:
    """Everything up to some landing as a single change, which a squash of the whole branch leaves."""
    for number in range(len(landings), max(len(landings) - _SQUASHES, 0), -1):
        upto = landings[number - 1].commit
        base = repo.merge_bases(commit, upto)[:1]
        if base and patches(repo, [CommitPatch(old=base[0], new=upto)])[0] in present_patches - {NO_CHANGE}:
            included = ancestors_in(repo, [landing.commit for landing in landings], upto)
            return {landing for landing in landings if landing.commit in included}
    return set()
