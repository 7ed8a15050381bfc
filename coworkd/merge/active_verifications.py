"""The verifications of submissions that are at work, each with what ends it early."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from coworkd.merge.batch_pipeline import BatchResult
from coworkd.merge.job_values import Interrupted, TipMoved, VerificationResult
from coworkd.store import SubmissionKey
from coworkd.system.background_jobs import Job, Jobs, Purpose

VERIFY: Job[SubmissionKey, VerificationResult] = Job(name="verification", purpose=Purpose.VERIFICATION)
VERIFY_BATCH: Job[tuple[SubmissionKey, ...], BatchResult | Interrupted | TipMoved] = Job(
    name="verification of a batch", purpose=Purpose.VERIFICATION, first_pause=0
)

IsCancelled = Callable[[], bool]
"""Says that a verification is no longer wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveVerification:
    """One verification."""

    branch_tips: tuple[str, str]
    """Where integration and its target stood when it began."""
    cancelled: threading.Event = field(default_factory=threading.Event)


class ActiveVerifications:
    """Used by the writer thread alone."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._active: dict[tuple[SubmissionKey, ...], ActiveVerification] = {}

    def start(
        self, key: SubmissionKey, branch_tips: tuple[str, str], verify: Callable[[IsCancelled], VerificationResult]
    ) -> None:
        """Start to verify a submission; nothing happens where that is under way, or has to pause."""
        active = ActiveVerification(branch_tips=branch_tips)
        if self._jobs.start(VERIFY, key, lambda: verify(active.cancelled.is_set)):
            self._active[(key,)] = active

    def start_batch(
        self,
        keys: tuple[SubmissionKey, ...],
        branch_tips: tuple[str, str],
        verify: Callable[[IsCancelled], BatchResult | Interrupted | TipMoved],
    ) -> bool:
        """Start to verify several submissions together; False: that is under way."""
        active = ActiveVerification(branch_tips=branch_tips)
        started = self._jobs.start(VERIFY_BATCH, keys, lambda: verify(active.cancelled.is_set))
        if started:
            self._active[keys] = active
        return started

    def end(self, *keys: SubmissionKey) -> ActiveVerification | None:
        """It has ended; None: it was begun before the database was opened again."""
        return self._active.pop(keys, None)

    def cancel_all_but(self, wanted: Collection[SubmissionKey]) -> None:
        """End those of submissions that are not among these; of a batch, where one of it is not."""
        for keys, active in self._active.items():
            if not all(key in wanted for key in keys):
                active.cancelled.set()

    def keys(self) -> frozenset[SubmissionKey]:
        """The submissions that are being verified."""
        return self._jobs.running(VERIFY).union(*self._jobs.running(VERIFY_BATCH))

    def count(self) -> int:
        """How many verifications are at work."""
        return len(self._jobs.running(VERIFY)) + len(self._jobs.running(VERIFY_BATCH))
