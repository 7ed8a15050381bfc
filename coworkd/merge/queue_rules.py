"""The merge queue: what is verified, asked about and landed next.

Pure. One submission is worked on at a time; what is approved goes before what is not, dependencies before their
dependants, then priority, then age.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.store import SubmissionKey, SubmissionState


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """A submission on its way."""

    key: SubmissionKey
    state: SubmissionState
    tip: str
    """The integration commit it was verified on; empty: on none yet."""
    person: bool
    approved: bool
    reviewed: bool
    """Its review has been written, whether or not anybody is asked in it."""
    needs: tuple[str, ...]
    """Dependencies of its task that have not landed."""
    priority: float
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyStep:
    """Merge it with the present tip and run the checks."""

    key: SubmissionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewStep:
    """It is green: write the review, which asks a person or says that nobody had to be asked."""

    key: SubmissionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class LandStep:
    """It is green on the present tip and nobody's yes is owed: move the integration branch."""

    key: SubmissionKey


QueueStep = VerifyStep | ReviewStep | LandStep


def next_steps(entries: Sequence[QueueEntry], tip: str) -> list[QueueStep]:
    """Every review that is due, and at most one thing to verify or land."""
    reviews: list[QueueStep] = [
        ReviewStep(key=e.key) for e in entries if e.state is SubmissionState.GREEN and not e.approved and not e.reviewed
    ]
    for entry in sorted(entries, key=_order):
        step = _work(entry, tip)
        if step is not None:
            return [*reviews, step]
    return reviews


def _order(entry: QueueEntry) -> tuple[bool, float, float, str]:
    return (not _free(entry), entry.priority, entry.created, entry.key.task)


def _free(entry: QueueEntry) -> bool:
    """Nobody's yes is owed."""
    return entry.approved or not entry.person


def _work(entry: QueueEntry, tip: str) -> QueueStep | None:
    if entry.state is SubmissionState.QUEUED:
        return VerifyStep(key=entry.key)
    if entry.state is not SubmissionState.GREEN or not _free(entry) or entry.needs:
        return None
    if not entry.reviewed and not entry.approved:
        return None
    if entry.tip == tip:
        return LandStep(key=entry.key)
    return VerifyStep(key=entry.key)
