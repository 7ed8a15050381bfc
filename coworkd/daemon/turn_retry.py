"""Turns that this machine may not let end: undone, reported, and tried again with the services built again.

Nothing in memory outlives a transaction that was rolled back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from coworkd.core.errors import RepoError
from coworkd.core.event_kinds import EventKind
from coworkd.core.machine_faults import MachineFault, MachineFaultError, Suspension, fault_of, first_suspension
from coworkd.daemon.live_views import LiveViews
from coworkd.daemon.open_requests import OpenRequests
from coworkd.daemon.services import LongLivedParts, Services
from coworkd.daemon.turn import TurnRunner
from coworkd.system.writer_thread import must_not_wait

log = logging.getLogger("coworkd")

RELOADED = "coworkd reloaded its state: run `coworkd status`, and repeat the command if it had no effect"


class TurnRetry:
    """Tries turns; holds the services, and the suspension after a fault of the machine."""

    def __init__(
        self,
        lasting: LongLivedParts,
        compose: Callable[[bool], Services],
        requests: OpenRequests,
        views: LiveViews,
    ) -> None:
        """`compose` is told whether the database may be another than before."""
        self._lasting = lasting
        self._compose = compose
        self._requests = requests
        self._views = views
        self._runner: TurnRunner | None = None
        self._recovered = False
        self._clock_was_set = False
        self._suspension: Suspension | None = None

    @property
    def runner(self) -> TurnRunner:
        """Its services are built from the database when first asked for. Raises what the machine has against that."""
        if self._runner is None:
            self._runner = self._build_runner(other_database=True)
        return self._runner

    def try_turn(self, *, start: bool = True, bounded: bool = False) -> MachineFault | None:
        """A turn, or the fault of the machine for which it could not be done; it is tried again after a pause.

        A request is answered at once in either case, and has the turn tried again at once.
        """
        now = self._lasting.clock.now()
        self._requests.take()
        if self._suspension is not None and now < self._suspension.until and not self._requests.of_turn:
            return self._suspension.fault
        try:
            self._renew_long_lived()
            self._rebuild_if_needed()
            self._recover_once()
            self._run_turn(start=start, bounded=bounded)
            self._end_suspension(now)
        except (MachineFaultError, RepoError, OSError) as error:
            fault = fault_of(error)
            if fault is None:
                raise
            self._suspend(fault, now)
            return fault
        return None

    def follow_clock(self) -> None:
        """Where the wall clock was set, all instants move with it, so that no wait becomes longer or shorter.

        Those in the database are moved when the services are built again.
        """
        lasting = self._lasting
        if not (step := lasting.clock.realign()):
            return
        log.warning("the clock of this machine was set by %+.1f s: what waits goes on waiting as before", step)
        for part in (lasting.jobs, lasting.outputs, lasting.watcher):
            part.move_times(step)
        self._suspension = self._suspension.moved(step) if self._suspension is not None else None
        self._clock_was_set = True

    def seconds_until_next(self) -> float:
        """Until the next turn is due, or the next attempt at the one that failed."""
        if self._suspension is not None:
            return self._suspension.until - self._lasting.clock.now()
        return self.runner.seconds_until_next()

    def close(self) -> None:
        """Close what was opened with the services."""
        if self._runner is not None:
            self._runner.services.audit.close()
            self._runner.services.db.close()

    def _build_runner(self, *, other_database: bool) -> TurnRunner:
        return TurnRunner(self._compose(other_database), self._requests, self._views, self._lasting.state)

    def _renew_long_lived(self) -> None:
        self._lasting.keep_lock()
        self._lasting.control_socket.renew()
        self._lasting.executor.ensure_supervision()

    def _rebuild_if_needed(self) -> None:
        """Build the services again after a turn that failed, and where the database was replaced or the clock set."""
        if self._runner is None:
            return
        before = self._runner.services
        # A database that failed is opened again in any case: it need not even be readable.
        replaced = before.db.was_replaced() or (self._suspension is None and before.db.was_rewound())
        if self._suspension is None and not replaced and not self._clock_was_set:
            return
        if replaced:
            log.warning("the database %s was deleted or replaced: it is opened again", before.db.path)
            before.db.close()
        self._runner = self._build_runner(other_database=replaced)
        self._recovered = self._clock_was_set = False
        before.control.refuse_pending(RELOADED)
        self._requests.refuse_executed(RELOADED)
        before.db.close()

    def _recover_once(self) -> None:
        if not self._recovered:
            self.runner.recover()
            self._recovered = True

    def _run_turn(self, *, start: bool, bounded: bool) -> None:
        """The first turn is part of the start, and may wait for git; the later ones serve people, and may not."""
        runner = self.runner
        if runner.services.git.waits:
            runner.run(start=start, bounded=bounded)
            runner.services.git.ask_later()
            return
        with must_not_wait():
            runner.run(start=start, bounded=bounded)

    def _suspend(self, fault: MachineFault, now: float) -> None:
        before = self._suspension
        self._suspension = before.prolonged(fault, now) if before is not None else first_suspension(fault, now)
        if before is None or before.fault != fault:
            log.error("%s; coworkd waits and tries again", fault)
        self._requests.refuse_all(f"coworkd cannot work at present: {fault}")
        self._views.show_fault(self._suspension, now)

    def _end_suspension(self, now: float) -> None:
        if self._suspension is None:
            return
        ended, self._suspension = self._suspension, None
        log.info("goes on after %.0f s: %s", now - ended.since, ended.fault.kind)
        db = self.runner.services.db
        with db.write():
            db.event(now, EventKind.SUSPENDED, seconds=round(now - ended.since, 1), reason=str(ended.fault))
