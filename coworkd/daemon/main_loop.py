"""The daemon: one writer thread, its turns, and a clean end.

`run` is the life of the process; `turn_retry` says what happens when a turn fails, `turn` what a turn consists of.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack

from coworkd.core.machine_faults import FaultKind, MachineFault, MachineFaultError, fault_of
from coworkd.daemon.live_views import LiveViews
from coworkd.daemon.open_requests import OpenRequests
from coworkd.daemon.services import LongLivedParts, Services
from coworkd.daemon.turn import TurnRunner
from coworkd.daemon.turn_retry import TurnRetry
from coworkd.system.control_socket import ControlRequest

log = logging.getLogger("coworkd")

STOP_GRACE = 20.0
"""Seconds that runs have to end in when the daemon is told to stop."""

STOP_POLL_INTERVAL = 0.2
"""Seconds between two looks at whether the runs have ended."""

START_PATIENCE = 60.0
"""Seconds for which a daemon that starts waits for another program that holds the database."""

MAX_ANSWER_WAIT = 1.0
"""Seconds that a single request waits, for the end of a job or for a file to settle, before it looks again."""

EXECUTOR_CLOSE_PATIENCE = 2.0
"""Seconds that the processes of the executor have to end in."""


class Daemon:
    """One workspace's writer."""

    def __init__(self, lasting: LongLivedParts, compose: Callable[[bool], Services]) -> None:
        """`compose` is told whether the database may be another than before."""
        self._lasting = lasting
        self._stopping = False
        self._views = LiveViews(lasting.outputs)
        requests = OpenRequests(lasting.control_socket.take_requests, self.stop)
        self._turns = TurnRetry(lasting, compose, requests, self._views)

    @property
    def runner(self) -> TurnRunner:
        """For single turns; replaced when the services are built again. Raises what the machine has against that."""
        return self._turns.runner

    @property
    def stopping(self) -> bool:
        """Whether it ends after the present turn: it was told to, or its night is over."""
        return self._stopping

    def stop(self) -> None:
        """End after the present turn; safe from a signal handler and from any thread."""
        self._stopping = True
        self._lasting.wakeup.notify()

    def run(self, ready: Callable[[], None]) -> None:
        """Recover, watch, and turn until told to stop; `ready` is called after the first full turn."""
        lasting = self._lasting
        with ExitStack() as stack:
            stack.callback(self.close)
            lasting.watcher.start(lasting.clock.now())
            stack.callback(lasting.watcher.stop)
            if reason := lasting.control_socket.start():
                log.warning(
                    "commands cannot reach this daemon, edits of files still count: its socket cannot be opened (%s)",
                    reason,
                )
            self._run_first_turn()
            if not self._stopping:
                ready()
            while not self._stopping:
                self.wait(self._turns.seconds_until_next())
                self.turn()
            self._drain_runs()

    def turn(self) -> MachineFault | None:
        """One turn at the present time of the machine; what the machine had against it, if it could not be done."""
        self._turns.follow_clock()
        fault = self._turns.try_turn(bounded=True)
        if fault is None and self.runner.is_night_over():
            log.info("the night is over, and nothing runs any more")
            self._stopping = True
        return fault

    def serve_once(self, request: ControlRequest) -> None:
        """Take in what is there and answer one request; nothing is started, nothing is watched."""
        with ExitStack() as stack:
            stack.callback(self.close)
            self.runner.take_in_files()
            self._lasting.control_socket.put(request)
            self.runner.run(start=False)
            while not request.answered:
                self.wait(min(max(self.runner.seconds_until_next(), 0.0), MAX_ANSWER_WAIT))
                self.runner.run(start=False)

    def wait(self, seconds: float) -> None:
        """Sleep for so long, or until something asks for a turn."""
        self._lasting.wakeup.wait(seconds)

    def close(self) -> None:
        """Refuse further requests, end jobs and processes, remove live messages, close the database."""
        lasting = self._lasting
        lasting.control_socket.close()
        lasting.jobs.close()
        lasting.close_git()
        lasting.executor.close(EXECUTOR_CLOSE_PATIENCE)
        lasting.sleep.release()
        self._views.remove_live_messages()
        self._turns.close()

    def _run_first_turn(self) -> None:
        """Only a database that another program holds is waited for; raises any other fault."""
        until = self._lasting.clock.now() + START_PATIENCE
        while not self._stopping and (fault := self._turns.try_turn()) is not None:
            if fault.kind is not FaultKind.DATABASE_LOCKED or self._lasting.clock.now() > until:
                raise MachineFaultError(fault)
            self.wait(self._turns.seconds_until_next())

    def _drain_runs(self) -> None:
        """Stop runs politely, record how they end, write it down."""
        lasting = self._lasting
        log.info("stopping")
        if not lasting.trust.holds:
            return
        until = lasting.clock.now() + STOP_GRACE
        told = False
        while lasting.clock.now() < until:
            told = told or self._ask_runs_to_stop()
            if self._turns.try_turn(start=False) is None and told and not self.runner.services.dispatch.is_stopping():
                return
            self.wait(STOP_POLL_INTERVAL)

    def _ask_runs_to_stop(self) -> bool:
        """Have every run end; False where that cannot be written down now."""
        try:
            self.runner.services.dispatch.shut_down(self._lasting.clock.now())
        except (MachineFaultError, OSError) as error:
            if fault_of(error) is None:
                raise
            return False
        return True
