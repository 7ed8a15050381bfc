"""Slots of runs that have ended are emptied while nothing waits for them, and not when the next run is to start."""

from __future__ import annotations

import logging
from collections.abc import Callable

from coworkd.dispatch.executors.slot_results import EmptyRequest, FinishResult, SavedWork
from coworkd.store import Database, RunRow
from coworkd.store.runs import slots_in_use
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose

log = logging.getLogger("coworkd")

EMPTY: Job[str, None] = Job(name="empty", purpose=Purpose.SLOT)
"""Empties the slot of a run that has ended; its subject is the run."""


class SlotEmptier:
    """Used by the writer thread alone."""

    def __init__(self, db: Database, jobs: Jobs, empty: Callable[[EmptyRequest], None]) -> None:
        self._db = db
        self._jobs = jobs
        self._empty = empty
        self._ended: list[EmptyRequest] = []
        """Of runs that have ended since slots were last emptied."""

    def register(self) -> None:
        """From here on the results of its jobs come here."""
        self._jobs.handle(EMPTY, then=_note_emptied, failed=self._note_failure)

    def note_end(self, run: RunRow, result: FinishResult) -> None:
        """The end of a run is committed. Work that could not be kept stays in the slot, as its message says."""
        if not isinstance(result, SavedWork) or result.commit:
            self._ended.append(EmptyRequest(slot=run.slot.number, run=run.id))

    def start(self) -> None:
        """Have slots emptied that no other run has taken in this turn: one that has makes its slot ready by itself."""
        used = slots_in_use(self._db) if self._ended else frozenset[int]()
        ended, self._ended = self._ended, []
        for request in ended:
            if request.slot not in used:
                self._start(request)

    def _start(self, request: EmptyRequest) -> None:
        self._jobs.start(EMPTY, request.run, lambda: self._empty(request))

    def _note_failure(self, run: str, failure: JobFailed, _now: float) -> None:
        """What keeps a slot from being emptied is said when the next run is to start in it."""
        log.warning("the slot of run %s is not empty: %s", run, failure.reason)
        self._jobs.forget(EMPTY, run)


def _note_emptied(_run: str, _value: None, _now: float) -> None:
    """Nothing follows from it."""
