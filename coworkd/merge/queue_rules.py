"""The merge queue: what is verified, asked about and landed next.

Pure. One submission is worked on at a time; what is approved goes before what is not, dependencies before their
dependants, then priority, then age.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coworkd.merge.submission_keys import SubmissionKey
from coworkd.store import SubmissionState


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """A submission on its way."""

    task: str
    number: int
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

    @property
    def key(self) -> SubmissionKey:
        return SubmissionKey(self.task, self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyStep:
    """Merge it with the present tip and run the checks."""

    task: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewStep:
    """It is green: write the review, which asks a person or says that nobody had to be asked."""

    task: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LandStep:
    """It is green on the present tip and nobody's yes is owed: move the integration branch."""

    task: str
    number: int


QueueStep = VerifyStep | ReviewStep | LandStep


def next_steps(entries: Sequence[QueueEntry], tip: str) -> list[QueueStep]:
    """Every review that is due, and at most one thing to verify or land."""
    reviews: list[QueueStep] = [
        ReviewStep(task=e.task, number=e.number)
        for e in entries
        if e.state is SubmissionState.GREEN and not e.approved and not e.reviewed
    ]
    for entry in sorted(entries, key=_order):
        step = _work(entry, tip)
        if step is not None:
            return [*reviews, step]
    return reviews


def _order(entry: QueueEntry) -> tuple[bool, float, float, str]:
    return (not _free(entry), entry.priority, entry.created, entry.task)


def _free(entry: QueueEntry) -> bool:
    """Nobody's yes is owed."""
    return entry.approved or not entry.person


def _work(entry: QueueEntry, tip: str) -> QueueStep | None:
    if entry.state is SubmissionState.QUEUED:
        return VerifyStep(task=entry.task, number=entry.number)
    if entry.state is not SubmissionState.GREEN or not _free(entry) or entry.needs:
        return None
    if not entry.reviewed and not entry.approved:
        return None
    if entry.tip == tip:
        return LandStep(task=entry.task, number=entry.number)
    return VerifyStep(task=entry.task, number=entry.number)
