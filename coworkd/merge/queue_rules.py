"""The merge queue: what is verified, asked about and landed next.

Pure. One landing is prepared at a time, for it makes every other verification outdated; in the gates that this leaves
free, submissions are verified for their reviews. What is approved goes before what is not, dependencies before their
dependants, then priority, then age.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from coworkd.merge.batch_rules import choose_batch
from coworkd.store import BatchPlace, SubmissionKey, SubmissionRow, SubmissionState


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
    conditions: Hashable = None
    """What its commands are run with: those for which this is equal may be verified together; None: alone."""
    waits: bool = False
    """What it is stacked on is not there as it has to be: it is not verified now."""
    batch: BatchPlace | None = None
    """Where it stands among those that it was verified with; None: it was verified alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyStep:
    """Merge it with the present tip and run the checks."""

    key: SubmissionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStep:
    """Merge them one after another with the present tip and run their checks once, on the last result."""

    keys: tuple[SubmissionKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewStep:
    """It is green: write the review, which asks for an approval where one is required."""

    key: SubmissionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class LandStep:
    """They are green on the present tip and need no approval any more: move the integration branch to the last."""

    keys: tuple[SubmissionKey, ...]


QueueStep = VerifyStep | BatchStep | ReviewStep | LandStep


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLoad:
    """What is at work already."""

    gates: int = 1
    """Verifications that may begin."""
    verifying: frozenset[SubmissionKey] = frozenset()
    """Submissions that are being verified."""
    moving: bool = False
    """The integration branch is being moved."""
    batch_size: int = 1
    """Submissions that may be verified together."""


IDLE = QueueLoad()
"""Nothing is at work, and there is one gate."""


def next_steps(entries: Sequence[QueueEntry], tip: str, load: QueueLoad = IDLE) -> list[QueueStep]:
    """Every review that is due, what leads to the next landing, and verifications for reviews in the other gates.

    While a landing is under way, a gate stays free for the one that follows.
    """
    reviews: list[QueueStep] = [ReviewStep(key=entry.key) for entry in entries if _is_review_due(entry)]
    ordered = sorted(entries, key=_sort_key)
    landing = [entry for entry in ordered if _is_cleared(entry) and not entry.needs]
    under_way = any(entry.key in load.verifying for entry in landing)
    following = _landing_step(landing, tip, load.batch_size)
    first = [VerifyStep(key=e.key) for e in ordered if (not _is_cleared(e) or e.needs) and _is_to_verify(e, load)]
    if under_way or following is None:
        return [*reviews, *first[: load.gates]]
    if load.moving or isinstance(following, ReviewStep):
        return [*reviews, *first[: max(0, load.gates - 1)]]
    if not isinstance(following, LandStep):
        return [*reviews, *[following, *first][: load.gates]]
    return [*reviews, following, *first[: max(0, load.gates - 1)]]


def _landing_step(landing: Sequence[QueueEntry], tip: str, batch_size: int) -> QueueStep | None:
    """What leads to the next landing; a review, where one has to be written before."""
    verified = [entry for entry in landing if _is_verified(entry, landing, tip)]
    outdated = [entry for entry in landing if entry not in verified and not _is_review_due(entry)]
    first = next((entry for entry in landing if entry in verified or entry in outdated), None)
    if first is None:
        return None
    if first in outdated:
        keys = tuple(entry.key for entry in choose_batch(outdated, batch_size))
        return BatchStep(keys=keys) if len(keys) > 1 else VerifyStep(key=first.key)
    together = _verified_with(first, landing, tip)
    unwritten = next((entry for entry in together if _is_review_due(entry)), None)
    return ReviewStep(key=unwritten.key) if unwritten else LandStep(keys=tuple(entry.key for entry in together))


def _is_review_due(entry: QueueEntry) -> bool:
    """Its review is written as soon as it is green."""
    return entry.state is SubmissionState.GREEN and not entry.approved and not entry.reviewed


def _is_verified(entry: QueueEntry, landing: Sequence[QueueEntry], tip: str) -> bool:
    """It can land as it is. One of a batch lands with all the others of it: no smaller tree was verified."""
    if entry.state is not SubmissionState.GREEN or entry.verified_on != tip:
        return False
    return entry.batch is None or len(_verified_with(entry, landing, tip)) == entry.batch.size


def _verified_with(entry: QueueEntry, landing: Sequence[QueueEntry], tip: str) -> list[QueueEntry]:
    """Those of its batch that can still land, in their order; itself alone, where it was verified alone."""
    if entry.batch is None:
        return [entry]
    places = {
        one.batch.place: one
        for one in landing
        if one.batch is not None and one.batch.commit == entry.batch.commit
        and one.state is SubmissionState.GREEN and one.verified_on == tip
    }  # fmt: skip
    return [places[place] for place in sorted(places)]


def _is_to_verify(entry: QueueEntry, load: QueueLoad) -> bool:
    return entry.state is SubmissionState.QUEUED and not entry.waits and entry.key not in load.verifying


def _sort_key(entry: QueueEntry) -> tuple[bool, float, float, str]:
    return (not _is_cleared(entry), entry.priority, entry.created, entry.key.task)


def _is_cleared(entry: QueueEntry) -> bool:
    """It is approved, or needs no approval."""
    return entry.approved or not entry.needs_approval


def reason_to_verify_again(row: SubmissionRow, tip: str) -> str:
    """Why the candidate of a submission that is verified again was not taken, for its history; empty: it had none."""
    if row.state is not SubmissionState.GREEN:
        return ""
    what = f"its candidate {row.candidate[:12]} was not taken: "
    if row.verified_on != tip:
        return f"{what}the integration branch has moved from {row.verified_on[:12]} to {tip[:12]} since"
    if row.stacked_on:
        return f"{what}it was merged with {row.stacked_on}, which it builds on no more"
    if row.batch is not None:
        return f"{what}not all of the {row.batch.size} that were verified together can land"
    return f"{what}the commands that verify it have changed"
