"""What a conflict is about, as it is kept with its submission, and the rules that follow from that. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictFacts:
    """What a submission conflicts over, and with whose work."""

    paths: tuple[str, ...] = ()
    """Sorted; empty: not known."""
    remarks: tuple[str, ...] = ()
    """What git says of it, such as `CONFLICT (content): Merge conflict in app.py`."""
    landed: tuple[str, ...] = ()
    """The tasks that landed on these paths and are not in the submission, latest first."""
    commits: tuple[str, ...] = ()
    """The other commits there, as `abc1234 subject`, latest first."""

    red: tuple[str, ...] = ()
    """The check that is red with both changes and green with each alone, and the end of its output; empty: the files
    do not merge."""

    def text(self) -> str:
        """For a column of the database."""
        return json.dumps(asdict(self))


def read_conflict_facts(text: str) -> ConflictFacts:
    """What `ConflictFacts.text` wrote; nothing is known where that is empty."""
    return ConflictFacts(**{name: tuple(values) for name, values in json.loads(text or "{}").items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class LandedWork:
    """What a task was for that has landed, and what its agent said of it."""

    task: str
    title: str
    text: str
    """The text of the task, as it is now."""
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """A conflict that is being resolved: an agent is at work on it, or the result is on its way to its landing."""

    task: str
    paths: frozenset[str]
    awaits_person: bool = False
    """Its review waits for an answer."""


def blocking_resolution(
    paths: Iterable[str], others: Iterable[Resolution], *, needs_approval: bool
) -> Resolution | None:
    """The resolution that has to land before a conflict over these paths is worth resolving; None: none has.

    What would be resolved meanwhile would conflict with that landing once more. A review that waits for a person
    holds up only what `needs_approval` of a person, too.
    """
    wanted = frozenset(paths)
    return next(
        (other for other in others if wanted & other.paths and (needs_approval or not other.awaits_person)), None
    )


def failed_rounds(before: int, given_tip: str, tip: str) -> int:
    """How many rounds have failed, now that a submission conflicts with `tip`.

    `given_tip` is what the run that made it was to merge in; empty: it was not there to resolve a conflict. A
    resolution that conflicts with what landed while it was made has not failed, and the count starts again.
    """
    if not given_tip:
        return before
    return before + 1 if given_tip == tip else 0
