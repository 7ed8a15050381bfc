"""The clocks of a run, and whether it is to end."""

from __future__ import annotations

import time

from coworkd.agents.port import EndReason
from coworkd.agents.worker.run_ended import RunEnded
from coworkd.agents.worker.run_signals import RunSignals
from coworkd.agents.worker.running_program import earliest
from coworkd.agents.worker.watchdog import Watchdog


class RunClock:
    """The clocks of a run. Every wait of its thread goes through here."""

    def __init__(self, signals: RunSignals, watchdog: Watchdog) -> None:
        self._signals = signals
        self._watchdog = watchdog

    def record_activity(self) -> None:
        """The model, or a tool, was active."""
        self._watchdog.record_activity(time.monotonic())

    def check(self, *, waiting: bool = False) -> None:
        """End the run if it is to end; `waiting`: a request waits for a person, and the clocks stand still."""
        if self._signals.stopped:
            raise RunEnded.because(EndReason.CANCELLED, "cancelled")
        if reason := self._watchdog.check(time.monotonic(), waiting=waiting):
            raise RunEnded.because(reason, self._watchdog.explain(reason))

    def wait(self, seconds: float | None = None, *, waiting: bool = False) -> None:
        """Wait for a signal, at most so long, and no longer than the clocks allow; then as `check`."""
        self._signals.wait(earliest(seconds, self._watchdog.seconds_left(time.monotonic(), waiting=waiting)))
        self._watchdog.end_wait(time.monotonic(), waiting=waiting)
        self.check(waiting=waiting)

    def pause(self, seconds: float) -> None:
        """Wait so long, whatever comes in; it does not count as silence."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.record_activity()
            self.wait(left)
