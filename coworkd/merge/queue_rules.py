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
    verified_on: str
    """The integration commit it was verified on; empty: on none yet."""
    needs_approval: bool
    approved: bool
    reviewed: bool
    """Its review has been written, whether or not it asks for an approval."""
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
    """It is green: write the review, which asks for an approval where one is required."""

    key: SubmissionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class LandStep:
    """It is green on the present tip and needs no approval any more: move the integration branch."""

    key: SubmissionKey


QueueStep = VerifyStep | ReviewStep | LandStep


def next_steps(entries: Sequence[QueueEntry], tip: str) -> list[QueueStep]:
    """Every review that is due, and at most one thing to verify or land."""
    reviews: list[QueueStep] = [
        ReviewStep(key=e.key) for e in entries if e.state is SubmissionState.GREEN and not e.approved and not e.reviewed
    ]
    for entry in sorted(entries, key=_sort_key):
        step = _next_step(entry, tip)
        if step is not None:
            return [*reviews, step]
    return reviews


def _sort_key(entry: QueueEntry) -> tuple[bool, float, float, str]:
    return (not _is_cleared(entry), entry.priority, entry.created, entry.key.task)


def _is_cleared(entry: QueueEntry) -> bool:
    """It is approved, or needs no approval."""
    return entry.approved or not entry.needs_approval


def _next_step(entry: QueueEntry, tip: str) -> QueueStep | None:
    if entry.state is SubmissionState.QUEUED:
        return VerifyStep(key=entry.key)
    if entry.state is not SubmissionState.GREEN or not _is_cleared(entry) or entry.needs:
        return None
    if not entry.reviewed and not entry.approved:
        return None
    if entry.verified_on == tip:
        return LandStep(key=entry.key)
    return VerifyStep(key=entry.key)
