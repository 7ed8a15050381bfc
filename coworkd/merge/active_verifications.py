"""The verifications of submissions that are at work, each with what ends it early."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from coworkd.merge.job_values import VerificationResult
from coworkd.store import SubmissionKey
from coworkd.system.background_jobs import Job, Jobs, Purpose

VERIFY: Job[SubmissionKey, VerificationResult] = Job(name="verification", purpose=Purpose.VERIFICATION)

Verify = Callable[[Callable[[], bool]], VerificationResult]
"""Verifies until it has a result, or until what it is given says that it is no longer wanted."""


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
        self._active: dict[SubmissionKey, ActiveVerification] = {}

    def start(self, key: SubmissionKey, branch_tips: tuple[str, str], verify: Verify) -> None:
        """Start to verify a submission; nothing happens where that is under way, or has to pause."""
        active = ActiveVerification(branch_tips=branch_tips)
        if self._jobs.start(VERIFY, key, lambda: verify(active.cancelled.is_set)):
            self._active[key] = active

    def end(self, key: SubmissionKey) -> ActiveVerification | None:
        """It has ended; None: it was begun before the database was opened again."""
        return self._active.pop(key, None)

    def cancel_all_but(self, wanted: Collection[SubmissionKey]) -> None:
        """End those of submissions that are not among these."""
        for key, active in self._active.items():
            if key not in wanted:
                active.cancelled.set()

    def keys(self) -> frozenset[SubmissionKey]:
        """The submissions that are being verified."""
        return self._jobs.running(VERIFY)
