"""The batches of one daemon: how large the next is, and what has to be verified alone."""

from __future__ import annotations

from collections.abc import Collection

from coworkd.core.event_kinds import EventKind
from coworkd.merge.batch_pipeline import Alone, BatchResult
from coworkd.merge.batch_rules import FIRST_SIZE, grow, shrink
from coworkd.merge.job_results import ResultRecorder
from coworkd.merge.job_values import Interrupted, VerificationResult, Verified
from coworkd.store import Database, SubmissionKey
from coworkd.store.events import add_event
from coworkd.store.submissions import find_in_queue, submission_event


class Batches:
    """Used by the writer thread alone. A daemon that starts again begins with the first size."""

    def __init__(self, db: Database, recorder: ResultRecorder) -> None:
        self._db = db
        self._recorder = recorder
        self.size = FIRST_SIZE
        """How many submissions the next batch may have."""
        self._alone: dict[SubmissionKey, Alone] = {}
        """What has to be verified alone before it may be in a batch again."""

    def is_alone(self, key: SubmissionKey) -> bool:
        """Whether a submission must not be in a batch."""
        return key in self._alone

    def suspect(self, key: SubmissionKey) -> str:
        """The command that was red in a batch with this submission, and green without it; empty: none was."""
        alone = self._alone.get(key)
        return alone.command if alone else ""

    def forget_all_but(self, waiting: Collection[SubmissionKey]) -> None:
        """What has left the queue comes back as another submission."""
        self._alone = {key: alone for key, alone in self._alone.items() if key in waiting}

    def record(self, value: BatchResult, now: float) -> None:
        """What a batch has found; inside of a transaction."""
        self.size = shrink(self.size) if value.red else grow(self.size) if value.green else self.size
        for alone in value.alone:
            self._alone[alone.key] = alone
            if row := find_in_queue(self._db, alone.key):
                add_event(self._db, submission_event(row, now, EventKind.NOT_BATCHED, reason=alone.reason))
        for key, verified in value.green:
            if row := find_in_queue(self._db, key):
                self._recorder.record(row, verified, now)

    def verify_alone(self, keys: Collection[SubmissionKey], reason: str) -> None:
        """They could not be verified together at all."""
        self._alone |= {key: Alone(key=key, reason=reason) for key in keys}

    def record_alone(self, key: SubmissionKey, value: VerificationResult, now: float) -> None:
        """A submission was verified alone; one that was suspected and is green now has a flaky verification."""
        if isinstance(value, Interrupted) or key not in self._alone:
            return
        command, row = self._alone.pop(key).command, find_in_queue(self._db, key)
        if row and isinstance(value, Verified) and command in {check.command for check in value.checks}:
            reason = f"`{command}` was red in a batch, and green when it was run again on the same files"
            add_event(self._db, submission_event(row, now, EventKind.VERIFICATION_FLAKY, reason=reason))
