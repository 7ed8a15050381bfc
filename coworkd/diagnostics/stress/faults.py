"""Faults done to a running stress laboratory: processes that are killed or stopped, a disk that is full."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from random import Random

from coworkd.diagnostics.stress.laboratory import Laboratory
from coworkd.diagnostics.stress.processes import agents_at_work
from coworkd.diagnostics.stress.scenario import StressFault

STOPPED_FOR = 2.0
"""Seconds that a process is stopped, and that the disk is full."""


class FaultInjector:
    """Carries out faults, and undoes after a moment those that last."""

    def __init__(self, laboratory: Laboratory, chance: Random) -> None:
        self._lab = laboratory
        self._chance = chance
        self._undo_at: list[tuple[float, StressFault, int]] = []
        self.done: dict[StressFault, int] = {}
        """How many of each kind found something to be done to."""

    def inject(self, kind: StressFault) -> None:
        """Do it now; where there is no agent at work, a fault that needs one is not done and not counted."""
        if self._inject(kind):
            self.done[kind] = self.done.get(kind, 0) + 1

    def undo_due(self) -> None:
        """End what has lasted long enough."""
        now = time.monotonic()
        due = [entry for entry in self._undo_at if entry[0] <= now]
        self._undo_at = [entry for entry in self._undo_at if entry[0] > now]
        for _, kind, pid in due:
            self._undo(kind, pid)

    def undo_all(self) -> None:
        """End all that lasts."""
        for _, kind, pid in self._undo_at:
            self._undo(kind, pid)
        self._undo_at.clear()

    @property
    def lasting(self) -> bool:
        """Whether something has still to be undone."""
        return bool(self._undo_at)

    def _inject(self, kind: StressFault) -> bool:
        match kind:
            case StressFault.KILL_DAEMON:
                self._lab.restart_daemon()
                return True
            case StressFault.STOP_DAEMON:
                self._lab.place.signal(signal.SIGSTOP)
                self._last(kind, 0)
                return True
            case StressFault.FILL_DISK:
                self._lab.fill_disk()
                self._last(kind, 0)
                return True
            case StressFault.KILL_WORKER | StressFault.KILL_AGENT | StressFault.STOP_WORKER:
                return self._inject_into_agent(kind)

    def _inject_into_agent(self, kind: StressFault) -> bool:
        found = agents_at_work(self._lab.place.repository_id(), str(self._lab.program), self._lab.daemon)
        if not found:
            return False
        agent = self._chance.choice(found)
        if kind is StressFault.KILL_AGENT:
            return _send(agent.pid, signal.SIGKILL)
        if kind is StressFault.KILL_WORKER:
            return _send(agent.supervisor, signal.SIGKILL)
        if _send(agent.supervisor, signal.SIGSTOP):
            self._last(kind, agent.supervisor)
            return True
        return False

    def _last(self, kind: StressFault, pid: int) -> None:
        self._undo_at.append((time.monotonic() + STOPPED_FOR, kind, pid))

    def _undo(self, kind: StressFault, pid: int) -> None:
        if kind is StressFault.STOP_DAEMON:
            self._lab.place.signal(signal.SIGCONT)
        elif kind is StressFault.FILL_DISK:
            self._lab.free_disk()
        else:
            _send(pid, signal.SIGCONT)


def _send(pid: int, number: signal.Signals) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False
