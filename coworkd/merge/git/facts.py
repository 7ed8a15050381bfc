"""What git says of the integration branch and its target: the facts that `merge.branch_rules` decides on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.core.errors import RepoError
from coworkd.history.landing_refs import landing_commits
from coworkd.merge.branch_rules import BranchFacts, BringIn, LandingFact, next_move
from coworkd.merge.git.ancestry import ancestors_in, first_parents
from coworkd.merge.git.containment import contained_in
from coworkd.merge.git.landings import latest_of_each, read_landings
from coworkd.merge.git.tree_merge import Conflicted, merge_trees
from coworkd.store.landings import KnownLandings, Landing
from coworkd.system.git import Repo
from coworkd.system.git.refs import branch_ref, taken_ref
from coworkd.system.git.trailers import TARGET, TASK, trailers_of


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchContext:
    """Which branches, and what the database knows of landings."""

    branch: str
    target: str
    known: KnownLandings


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchState:
    """The facts, and what has to be recorded about how they were found."""

    facts: BranchFacts
    recorded: int
    rewritten: bool
    """The target no longer has what was recorded for it: all landings were looked at again."""


def read_state(repo: Repo, branches: BranchContext) -> BranchState:
    """Look at both branches; a few processes, whatever the number of landings. RepoError without a target's commit.

    What coworkd recorded is read before the branches, since these are moved first: so the branches as read here have
    every landing that was found, and what was taken. A landing whose ref is not there yet, or never was in this clone,
    is found in integration itself.
    """
    refs, recorded = landing_commits(repo), repo.commit(taken_ref(branches.target))
    names = [f"{branch_ref(name)}^{{commit}}" for name in (branches.target, branches.branch)]
    target, found = repo.resolve_all(names)
    if target is None:
        raise RepoError(f"the branch {branches.target} has no commit yet: make a first one, or set integration.target")
    integration = found or ""
    rewritten = bool(branches.known.settled_at) and not _contains(repo, target, branches.known.settled_at)
    taken = recorded or _shared_commit(repo, integration, target)
    chain = _own_chain(repo, integration, (target, taken))
    landings = _known_landings(repo, branches, refs, chain, everything=rewritten)
    facts = _facts(repo, integration, target, taken, landings)
    if integration:
        handmade = _handmade_commits(repo, facts, chain, frozenset(refs.values()))
        facts = _with_collision(repo, dataclasses.replace(facts, handmade=handmade))
    else:
        facts = dataclasses.replace(facts, restore_point=_restore_point(repo, branches.known.tip, facts))
    return BranchState(facts=facts, recorded=max(refs, default=0), rewritten=rewritten)


def _own_chain(repo: Repo, integration: str, without: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Commits of integration and their parents along the first parents, latest first, that neither of these has."""
    return first_parents(repo, integration, [commit for commit in without if commit]) if integration else []


def _known_landings(
    repo: Repo,
    branches: BranchContext,
    refs: dict[int, str],
    chain: Sequence[tuple[str, tuple[str, ...]]],
    *,
    everything: bool,
) -> list[Landing]:
    """Landings of the database, of the refs and of integration, each submission once, oldest first."""
    newer = [commit for number, commit in refs.items() if everything or number > branches.known.recorded]
    numbers = {commit: number for number, commit in refs.items()}
    without_ref = [commit for commit, _ in reversed(chain) if commit not in numbers]
    numbers |= {commit: number for number, commit in enumerate(without_ref, max(refs, default=0) + 1)}
    found = latest_of_each([*branches.known.landings, *read_landings(repo, [*newer, *without_ref])])
    return sorted(found, key=lambda landing: numbers.get(landing.commit, 0))


def _facts(repo: Repo, integration: str, target: str, taken: str, landings: Sequence[Landing]) -> BranchFacts:
    in_target = contained_in(repo, landings, target)
    in_integration = contained_in(repo, landings, integration) if integration else frozenset[Landing]()
    ahead = bool(integration) and integration != target and _contains(repo, integration, target)
    return BranchFacts(
        target=target, integration=integration, taken=taken,
        taken_in_target=not taken or _contains(repo, target, taken),
        target_in_integration=ahead or integration == target,
        # Of two commits that differ, at most one contains the other.
        integration_in_target=bool(integration) and not ahead and _contains(repo, target, integration),
        landings=tuple(
            LandingFact(landing=one, in_integration=one in in_integration, in_target=one in in_target)
            for one in landings
        ),
    )  # fmt: skip


def _shared_commit(repo: Repo, integration: str, target: str) -> str:
    """What both have, which stands for what was taken last in a workspace from before that was recorded."""
    return next(iter(repo.merge_bases(integration, target)), "") if integration else ""


def _contains(repo: Repo, new: str, old: str) -> bool:
    return old in ancestors_in(repo, [old], new)


def _handmade_commits(
    repo: Repo, facts: BranchFacts, chain: Sequence[tuple[str, tuple[str, ...]]], landings: frozenset[str]
) -> tuple[str, ...]:
    """Commits along integration that are neither landings nor merges of the target, and are not in the target."""
    rest = [(commit, parents) for commit, parents in chain if commit not in landings]
    ours = own_commits(repo, [commit for commit, _ in rest])
    merged = ancestors_in(repo, [p for _, parents in rest for p in parents[1:]], facts.taken or facts.target)
    found = [commit for commit, parents in rest if commit not in ours and not merged.intersection(parents[1:])]
    return tuple(reversed(found))


def own_commits(repo: Repo, commits: Sequence[str]) -> frozenset[str]:
    """Those of the commits that coworkd made on the integration branch, as their trailers say."""
    said = trailers_of(repo, commits)
    merges = (name for name, one in zip(commits, repo.commits(commits), strict=True) if len(one.parents) > 1)
    return frozenset(name for name in merges if said[name][TASK] or said[name][TARGET])


def _with_collision(repo: Repo, facts: BranchFacts) -> BranchFacts:
    if not isinstance(next_move(facts), BringIn):
        return facts
    if not repo.merge_bases(facts.integration, facts.target):
        return dataclasses.replace(facts, related=False)
    merged = merge_trees(repo, facts.integration, facts.target)
    return dataclasses.replace(facts, collides=merged.paths) if isinstance(merged, Conflicted) else facts


def _restore_point(repo: Repo, tip: str, facts: BranchFacts) -> str:
    """Where a branch that is gone can come back: its last known commit, else its latest landing."""
    undelivered = [fact.landing.commit for fact in facts.undelivered]
    candidates = [commit for commit in (tip, *undelivered[-1:]) if commit and repo.commit(commit) == commit]
    return next(
        (commit for commit in candidates if ancestors_in(repo, undelivered, commit).issuperset(undelivered)), ""
    )
