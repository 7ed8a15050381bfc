"""Nights as the daemon lives through them: the machine stays awake, and at the end there is a report.

A night whose end no daemon saw has its report from the next one.
"""

from __future__ import annotations

import logging

from coworkd.board.nights import night_now
from coworkd.board.task_board import Board
from coworkd.board.views.report import read_report
from coworkd.board.views.report_text import report_document
from coworkd.core.event_kinds import EventKind
from coworkd.core.nights import Night, date_text, night_began_at
from coworkd.core.run_states import RunState
from coworkd.merge.merger import Merger
from coworkd.store.runs import runs_in
from coworkd.sync.disk.ports import Files
from coworkd.system.background_jobs import Jobs
from coworkd.system.sleep_inhibitor import SleepInhibitor

log = logging.getLogger("coworkd")

_AT_WORK = frozenset({RunState.PREPARING, RunState.WORKING, RunState.SUBMITTING})
"""A run that waits for a person does not run."""


class Nights:
    """Used by the writer thread alone."""

    def __init__(self, board: Board, jobs: Jobs, merge: Merger, sleep: SleepInhibitor, folder: Files) -> None:
        self._board = board
        self._db = board.db
        self._sleep = sleep
        self._folder = folder
        self.ended = False
        """The time of `up --until` is past and nothing runs any more: no agent, no verification, no landing."""
        self._jobs = jobs
        self._merge = merge

    def step(self, now: float) -> None:
        """Begin or end the night, where it begins or ends now."""
        night = night_now(self._board, now)
        self.ended = self._is_over(night, now)
        goes_on = night.unattended and not self.ended
        if goes_on and not self._db.state.night_begun:
            with self._db.write():
                self._db.state.night_begun = night_began_at(night, now)
                self._db.event(now, EventKind.NIGHT_BEGUN, until=night.until or None)
        elif not goes_on and self._db.state.night_begun and self._folder.exists():
            self._write_report(now)
        self._keep_awake(goes_on)

    def _write_report(self, now: float) -> None:
        """What happened in the night, under the date of the morning; an earlier report of that date stays."""
        names = (f"reports/{date_text(now)}{suffix}.md" for suffix in ("", *(f"-{n}" for n in range(2, 1000))))
        path = next(name for name in names if self._folder.stat(name) is None)
        report = read_report(self._db, self._db.state.night_begun, now)
        self._folder.publish(path, report_document(report))
        with self._db.write():
            self._db.state.night_begun = 0.0
            self._db.event(now, EventKind.NIGHT_ENDED, path=path)

    def _keep_awake(self, wanted: bool) -> None:
        """Have the machine kept awake, or not; where that does not work, it is written down once."""
        asleep = self._sleep.hold() if wanted else ""
        if not wanted:
            self._sleep.release()
        if asleep != self._db.state.may_sleep_reason:
            with self._db.write():
                self._db.state.may_sleep_reason = asleep
            if asleep:
                log.warning("nothing keeps this machine awake: %s", asleep)

    def _is_over(self, night: Night, now: float) -> bool:
        if not night.until or now < night.until:
            return False
        return not (runs_in(self._db, _AT_WORK) or self._jobs.busy() or self._merge.has_work(now))

    def deadline(self, now: float) -> float | None:
        """When nothing starts any more; None: nothing was said of that, or it is past."""
        until = night_now(self._board, now).until
        return until if until > now else None
