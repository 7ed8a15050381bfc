"""When to hold back: files that are not settled, files that are missing, folders that vanish at once.

Pure: facts in, decision out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DELETIONS = "deletions"
"""The pseudo-path under which held deletions are shown."""

MISSING_GRACE = 1.0
"""Seconds an absent file has to come back: editors and `git checkout` leave a gap."""

LISTED_GRACE = 5.0
"""The same for a file that git's index still lists: a checkout takes files away before it writes its index."""

SETTLE_IN_PLACE = 0.05
SETTLE_RENAMED = 0.005
MAX_SETTLE = 0.5
"""Seconds after the last change before a file is read: after a write in place, after a rename into place, at most.

Of reads at once after a write in place, 3 to 9 in a hundred were torn.
"""

UNREADABLE_GRACE = 2.0
"""Seconds for which an unreadable file may be a save in progress."""

MASS_DELETION_COUNT = 5
MASS_DELETION_SHARE = 0.2
"""This many documents, and more than this share of all, missing at once are held until `coworkd confirm`."""


class Absence(StrEnum):
    """What a missing file means."""

    DELETED = "deleted"
    PARKED = "parked"
    """On another branch, stashed, or git is at work: nothing new starts, nothing is cancelled."""
    HELD = "held"
    """Too many at once: waits for `coworkd confirm`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitFacts:
    """What git knows about a missing path."""

    operation: str = ""
    """`merge`, `rebase` ... while one is under way."""
    index_lists: bool = False
    withheld: bool = False
    """Git itself keeps the path away: it holds the index locked, or the checkout is a sparse one."""
    head_moved: bool = False
    """HEAD is another commit than when the file was there, and had the file then."""
    descends: bool = False
    """The new HEAD descends from the old one: what it no longer has was deleted, not left behind."""
    stashed: bool = False
    """The stash changed since the file was there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingExtent:
    """How much is missing together."""

    absent: int
    total: int
    seconds: float = 0.0
    """For how long this one has been missing."""
    folder_gone: bool = False
    confirmed: bool = False


def judge_absence(git: GitFacts, missing: MissingExtent) -> Absence:
    """What it means that a file has been absent for longer than `MISSING_GRACE`."""
    if git.operation or git.stashed or git.withheld or (git.head_moved and not git.descends):
        return Absence.PARKED
    if missing.confirmed:
        return Absence.DELETED
    if missing.folder_gone:
        return Absence.HELD
    if git.index_lists and missing.seconds < LISTED_GRACE:
        return Absence.PARKED
    many = missing.absent >= MASS_DELETION_COUNT and missing.absent > MASS_DELETION_SHARE * missing.total
    return Absence.HELD if many else Absence.DELETED


def settled_at(changed: float, in_place: bool, noticed: float) -> float:
    """When a file last changed at `changed` and first noticed at `noticed` may be read."""
    pause = SETTLE_IN_PLACE if in_place else SETTLE_RENAMED
    return min(max(changed, noticed - MAX_SETTLE) + pause, noticed + MAX_SETTLE)
