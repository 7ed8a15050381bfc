"""Probes: while a batch is verified, idle gates verify some of its prefixes, for the search that follows if it is red.

What they find is taken from memory by that search. They blame no author, delay no verification, and end with their
batch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from coworkd.merge.batch_rules import probe_lengths
from coworkd.merge.job_values import VerifyRequest
from coworkd.store import SubmissionKey
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose

_Subject = tuple[tuple[SubmissionKey, ...], int]

PROBE: Job[_Subject, None] = Job(name="probe", purpose=Purpose.VERIFICATION, first_pause=0)
"""Its subject is a batch, and how many of that are verified."""

ProbePrefix = Callable[[tuple[VerifyRequest, ...], int, Callable[[], bool]], None]
"""Verifies the first so many of a batch."""


class Probes:
    """Used by the writer thread alone."""

    def __init__(self, jobs: Jobs, probe: ProbePrefix) -> None:
        self._jobs = jobs
        self._probe = probe
        self._requests: dict[tuple[SubmissionKey, ...], tuple[VerifyRequest, ...]] = {}
        self._probed: set[_Subject] = set()
        self._cancelled = threading.Event()
        jobs.handle(PROBE, then=lambda _subject, _value, _now: None, failed=self._forget)

    def begin(self, keys: tuple[SubmissionKey, ...], requests: tuple[VerifyRequest, ...]) -> None:
        """The verification of a batch begins."""
        self._requests[keys] = requests

    def end(self, keys: tuple[SubmissionKey, ...]) -> None:
        """It has ended: what is still probed of it says nothing any more."""
        if self._requests.pop(keys, None) is not None:
            self.cancel()
            self._probed = {subject for subject in self._probed if subject[0] in self._requests}

    def cancel(self) -> None:
        """End all probes: their gates are wanted."""
        self._cancelled.set()
        self._cancelled = threading.Event()

    def fill(self, idle: int) -> None:
        """Probe in so many gates that nothing else wants, those in use by probes among them."""
        free = idle - len(self._jobs.running(PROBE))
        for keys, requests in self._requests.items():
            for length in probe_lengths(len(keys), idle):
                subject = (keys, length)
                if free > 0 and subject not in self._probed:
                    self._start(subject, requests)
                    free -= 1

    def _start(self, subject: _Subject, requests: tuple[VerifyRequest, ...]) -> None:
        self._probed.add(subject)
        probe = partial(self._probe, requests, subject[1], self._cancelled.is_set)
        self._jobs.start(PROBE, subject, probe)

    def _forget(self, subject: _Subject, failure: JobFailed, now: float) -> None:
        """A probe that fails is none: what is wrong shows in the verification itself."""
        del failure, now
        self._jobs.forget(PROBE, subject)
