"""The merge queue: what is verified, asked about and landed next.

Pure. One landing is prepared at a time, for it makes every other verification outdated; in the gates that this leaves
free, submissions are verified for their reviews. What is approved goes before what is not, dependencies before their
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


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLoad:
    """What is at work already."""

    gates: int = 1
    """Verifications that may begin."""
    verifying: frozenset[SubmissionKey] = frozenset()
    """Submissions that are being verified."""
    moving: bool = False
    """The integration branch is being moved."""


IDLE = QueueLoad()
"""Nothing is at work, and there is one gate."""


def next_steps(entries: Sequence[QueueEntry], tip: str, load: QueueLoad = IDLE) -> list[QueueStep]:
    """Every review that is due, what leads to the next landing, and verifications for reviews in the other gates.

    While a landing is under way, a gate stays free for the one that follows.
    """
    reviews: list[QueueStep] = [
        ReviewStep(key=e.key) for e in entries if e.state is SubmissionState.GREEN and not e.approved and not e.reviewed
    ]
    ordered = sorted(entries, key=_sort_key)
    landing = [entry for entry in ordered if _is_cleared(entry) and not entry.needs]
    under_way = any(entry.key in load.verifying for entry in landing)
    following = next((step for entry in landing if (step := _next_step(entry, tip)) is not None), None)
    first = [VerifyStep(key=e.key) for e in ordered if (not _is_cleared(e) or e.needs) and _is_to_verify(e, load)]
    if under_way or following is None:
        return [*reviews, *first[: load.gates]]
    if load.moving or any(_is_about_to_land(entry, tip) for entry in landing):
        return [*reviews, *first[: max(0, load.gates - 1)]]
    if isinstance(following, VerifyStep):
        return [*reviews, *[following, *first][: load.gates]]
    return [*reviews, following, *first[: max(0, load.gates - 1)]]


def _is_about_to_land(entry: QueueEntry, tip: str) -> bool:
    """It lands as soon as its review has been written."""
    unwritten = not entry.reviewed and not entry.approved
    return entry.state is SubmissionState.GREEN and unwritten and entry.verified_on == tip


def _is_to_verify(entry: QueueEntry, load: QueueLoad) -> bool:
    return entry.state is SubmissionState.QUEUED and entry.key not in load.verifying


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
