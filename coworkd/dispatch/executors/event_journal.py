"""Events of runs that the daemon has not committed yet. Thread-safe.

Only the logs that were signalled are read.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from coworkd.agents import run_event_file
from coworkd.agents.port import Ended
from coworkd.core.machine_faults import fault_of
from coworkd.dispatch.executors.port import RunEvent

_logger = logging.getLogger("coworkd")


@dataclass(slots=True, kw_only=True)
class _Log:
    path: Path
    epoch: int
    """Which start of the run it belongs to."""
    offset: int
    """Where the next read starts."""
    start: int
    """Where the run's current start begins; an end before that belongs to an earlier start."""
    live: bool
    """A worker may still append."""
    ended: bool = False
    """The last event that was read is an `Ended`."""
    unreadable: bool = False
    """It could not be read the last time, and that has been logged."""
    pending: list[RunEvent] = field(default_factory=list[RunEvent])


class EventJournal:
    """The event logs of all runs. `wake` is called when a log holds more than one read takes."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._logs: dict[str, _Log] = {}
        self._signalled: set[str] = set()

    def follow(self, run: str, path: Path, start: int, *, epoch: int, live: bool) -> None:
        """Read the log of a run, whose current start begins at `start`.

        A log that is followed already is read on from where it was read to, unless this start has a log of its own:
        then the earlier one is dropped.
        """
        with self._lock:
            log = self._logs.get(run)
            if log is None or log.path != path:
                log = self._logs[run] = _Log(path=path, epoch=epoch, offset=start, start=start, live=live)
            log.epoch = epoch
            log.start = start
            log.live = live
            log.ended = False
            self._signalled.add(run)

    def signal(self, run: str) -> None:
        """The log may hold something new."""
        with self._lock:
            self._signalled.add(run)

    def close_log(self, run: str) -> None:
        """Nothing more is appended until the run is followed again."""
        with self._lock:
            if log := self._logs.get(run):
                log.live = False
                self._signalled.add(run)

    def add_end(self, run: str, ended: Ended) -> None:
        """The run has ended, and its log cannot be written. Nothing happens where the log has an end."""
        with self._lock:
            log = self._logs.get(run)
            if log is None:
                return
            self._try_read(run, log)
            if not log.ended:
                log.ended = True
                log.offset += 1
                log.pending.append(RunEvent(run=run, epoch=log.epoch, offset=log.offset, event=ended))

    def follows(self, run: str) -> bool:
        """Whether events of the run may still follow, or are not committed yet."""
        with self._lock:
            return run in self._logs

    def ended(self, run: str) -> bool:
        """Whether the end of the run's current start has been read."""
        with self._lock:
            log = self._logs.get(run)
            return log is None or log.ended

    def events(self) -> list[RunEvent]:
        with self._lock:
            signalled, self._signalled = self._signalled, set()
            for run in signalled & self._logs.keys():
                log = self._logs[run]
                # No event of this start follows its end.
                if (log.ended and not log.live) or self._try_read(run, log):
                    self._forget_if_over(run)
                else:
                    self._signalled.add(run)
            return [event for log in self._logs.values() for event in log.pending]

    def commit(self, run: str, offset: int) -> None:
        with self._lock:
            if log := self._logs.get(run):
                log.pending = [event for event in log.pending if event.offset > offset]
                self._forget_if_over(run)

    def _try_read(self, run: str, log: _Log) -> bool:
        """Read on; a log that cannot be read now is read later, and does not affect other runs."""
        try:
            self._read(run, log)
        except OSError as error:
            if fault_of(error) is None:
                raise
            if not log.unreadable:
                _logger.warning("the events of run %s cannot be read now: %s", run, error)
            log.unreadable = True
            return False
        log.unreadable = False
        return True

    def _read(self, run: str, log: _Log) -> None:
        found, offset = run_event_file.read(log.path, log.offset)
        log.pending += [RunEvent(run=run, epoch=log.epoch, offset=item.offset, event=item.event) for item in found]
        if found:
            log.ended = isinstance(found[-1].event, Ended) and found[-1].offset > log.start
        more = offset > log.offset and run_event_file.size(log.path) > offset
        log.offset = offset
        if more:
            self._signalled.add(run)
            self._wake()

    def _forget_if_over(self, run: str) -> None:
        log = self._logs[run]
        if log.ended and not log.live and not log.pending and run not in self._signalled:
            del self._logs[run]
