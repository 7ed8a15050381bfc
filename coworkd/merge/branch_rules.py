"""What has to happen for the integration branch to follow its target without losing what landed, or what was dropped.

Pure: facts that git was asked for go in, one move comes out. The table of its tests is the specification.
"""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.store.landings import Landing


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingFact:
    """Where a landing is, by ancestry or by patch."""

    landing: Landing
    in_integration: bool
    in_target: bool

    @property
    def lost(self) -> bool:
        return not (self.in_integration or self.in_target)


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchFacts:
    """Integration and its target as git has them at one moment."""

    target: str
    integration: str
    """Empty: the branch does not exist."""
    taken: str
    """The last commit of the target that integration took; empty: not known."""
    taken_in_target: bool
    """False: the target lost a commit that integration had taken from it."""
    target_in_integration: bool
    integration_in_target: bool
    landings: tuple[LandingFact, ...]
    """Those that are not known to be in the target for good, oldest first."""
    handmade: tuple[str, ...] = ()
    """Commits that a person made on integration itself, and that the target does not have; oldest first."""
    restore_point: str = ""
    """A commit that holds every landing that the target lacks, and nothing that the target lost; empty: none does."""
    related: bool = True
    """False: the two have no commit in common, and neither is what the other was made from."""
    collides: tuple[str, ...] = ()
    """Paths in which the two cannot be merged."""

    @property
    def undelivered(self) -> tuple[LandingFact, ...]:
        """Landings that only integration can deliver."""
        return tuple(fact for fact in self.landings if not fact.in_target)

    @property
    def lost(self) -> tuple[LandingFact, ...]:
        return tuple(fact for fact in self.landings if fact.lost)


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """Integration has everything that the target has."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Integration is to stand where the target stands: the target has everything that landed."""


@dataclass(frozen=True, slots=True)
class Restore:
    """The branch is gone; it is to come back at this commit, which was verified when it landed."""

    commit: str


@dataclass(frozen=True, slots=True)
class BringIn:
    """The target's new commits are to be merged into integration."""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Integration is to be made again: the target, then each landing that it lacks."""


@dataclass(frozen=True, slots=True)
class Collision:
    """The target's new commits cannot be merged into integration."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unrelated:
    """A person moved integration to a history of its own: nothing can be merged with the target."""


Move = NothingToDo | Restart | Restore | BringIn | Rebuild | Collision | Unrelated


def next_move(facts: BranchFacts) -> Move:
    """The one next move; after it the facts are read again."""
    if not facts.integration:
        return _without_branch(facts)
    if not facts.taken_in_target:
        # Merging would bring back what was dropped, since integration still has it.
        return Rebuild() if facts.undelivered or facts.handmade else Restart()
    if facts.target_in_integration:
        return NothingToDo()
    if facts.integration_in_target or _all_in_target(facts):
        return Restart()
    if not facts.related:
        return Unrelated()
    return Collision(facts.collides) if facts.collides else BringIn()


def _without_branch(facts: BranchFacts) -> Move:
    if not facts.undelivered:
        return Restart()
    if facts.taken_in_target and facts.restore_point:
        return Restore(facts.restore_point)
    return Rebuild()


def _all_in_target(facts: BranchFacts) -> bool:
    """Each landing of integration is proven to be in the target. What is lost to both keeps nothing from starting."""
    return not facts.handmade and all(fact.in_target for fact in facts.landings if fact.in_integration)
