"""Starts and imports wait while a fault of this machine prevents them: one problem, retried with growing pauses."""

from __future__ import annotations

from collections.abc import Callable

from coworkd.core.machine_faults import MachineFault, Suspension, first_suspension
from coworkd.core.model import Problem
from coworkd.store import Database
from coworkd.store.problems import has_problems, put_problem, remove_problems
from coworkd.store.runs import note_machine_fault

_SOURCE = "machine"


class MachineHold:
    """Knows the fault that prevents starts; used by the writer thread alone."""

    def __init__(self, db: Database, look: Callable[[], MachineFault | None]) -> None:
        """`look` returns the fault that prevents writing files where runs work, if there is one."""
        self._db = db
        self._look = look
        self._suspension: Suspension | None = None
        self._shown = has_problems(db, _SOURCE)

    def hold_runs(self, fault: MachineFault, now: float) -> None:
        """A start or an import has failed: hold runs back for a while, and show why."""
        before = self._suspension
        self._suspension = before.prolonged(fault, now) if before is not None else first_suspension(fault, now)
        self._shown = True
        with self._db.write():
            put_problem(self._db, Problem(path="", line=0, message=str(fault)), _SOURCE, now)

    def reason(self, now: float) -> str:
        """Why nothing may start now; empty when it may be tried. Looks again when the pause is over."""
        if self._suspension is not None and now < self._suspension.until:
            return str(self._suspension.fault)
        if (fault := self.fault()) is not None:
            self.hold_runs(fault, now)
            return str(fault)
        self._remove_problem()
        return ""

    def fault(self) -> MachineFault | None:
        """What is wrong with the machine right now, whatever was noted before.

        It is kept with every live run: what fails later may have failed because of it, after it is over.
        """
        fault = self._look()
        if fault is not None:
            note_machine_fault(self._db, str(fault))
        return fault

    def release(self) -> None:
        """Something succeeded that the fault would have prevented."""
        self._suspension = None
        self._remove_problem()

    def _remove_problem(self) -> None:
        if self._shown:
            self._shown = False
            with self._db.write():
                remove_problems(self._db, _SOURCE)

    def deadline(self, now: float) -> float | None:
        """When the next start is tried; None while nothing is held."""
        until = self._suspension.until if self._suspension is not None else 0.0
        return until if until > now else None
