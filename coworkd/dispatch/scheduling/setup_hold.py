"""Runs wait while no slot can be made ready for them: one problem, no attempt, no agent.

Retried when the set-up, the settings around it, the branches or what the fault depends on change, and after growing
pauses; by one run at a time, until one has its slot.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace

from coworkd.board.setup_fault import SETUP_LOG, SetupFault, save_setup_fault, setup_fault
from coworkd.board.task_board import Board
from coworkd.core.model import Problem
from coworkd.core.start_faults import StartFault
from coworkd.store.problems import problem_paths, put_problem
from coworkd.system.sandbox.policy import SandboxCapabilities

FIRST_PAUSE, FACTOR, MAX_PAUSE = 10.0, 3.0, 900.0
"""Seconds until a slot is tried again although no change is known, and how they grow."""
_SOURCE = "set-up"


class SetupHold:
    """Knows why slots cannot be made ready; used by the writer thread alone."""

    def __init__(self, board: Board, means: Callable[[], SandboxCapabilities]) -> None:
        self._board = board
        self._db = board.db
        self._means = means
        self._fault = setup_fault(board.db)

    def hold_runs(self, fault: StartFault, now: float) -> str:
        """A slot could not be made ready: hold runs back, and show why. Returns the reason."""
        before, key = self._fault, self._key(fault.watched)
        times = 0
        if before is not None and before.key == key:
            times = before.times + 1 if now >= before.at else before.times
        reason = f"no slot can be made ready: {fault.reason}"
        self._fault = SetupFault(
            reason=reason, output=fault.output, key=key, at=now + setup_retry_pause(times), times=times,
            kind=fault.kind, watched=fault.watched,
        )  # fmt: skip
        with self._db.write():
            save_setup_fault(self._db, self._fault)
            self._show(reason, fault, now)
        return reason

    def _show(self, reason: str, fault: StartFault, now: float) -> None:
        """One problem, on the file that is to be corrected."""
        path = fault.policy.path
        for other in problem_paths(self._db, _SOURCE) - {path}:
            self._board.clear_problems(other, _SOURCE)
        output = f" The whole output: {SETUP_LOG}" if fault.output else ""
        message = (
            f"{reason}. No agent is started and no attempt is used until that is repaired: {fault.advice()}; it goes on"
            f" by itself.{output}"
        )
        put_problem(self._db, Problem(path=path, line=0, message=message), _SOURCE, now)

    def release(self) -> None:
        """A slot has been made ready."""
        if self._fault is not None:
            self._fault = None
            with self._db.write():
                save_setup_fault(self._db, None)
                for path in problem_paths(self._db, _SOURCE):
                    self._board.clear_problems(path, _SOURCE)

    def reason(self, now: float) -> str:
        """Why nothing may start now; empty when it may be tried."""
        if self._fault is None:
            return ""
        self._fault = fault = setup_fault(self._db) or self._fault  # a command may have asked for it to be tried
        if now >= fault.at:
            return ""
        if fault.key != self._key(fault.watched):
            self._fault = replace(fault, at=now)
            return ""
        return fault.reason

    def probing(self) -> bool:
        """Whether one run at a time is to find out if slots can be made ready again."""
        return self._fault is not None

    def deadline(self, now: float) -> float | None:
        """When the next slot is tried; None while nothing is held."""
        return self._fault.at if self._fault is not None and self._fault.at > now else None

    def _key(self, watched: tuple[str, ...]) -> str:
        settings = self._board.specs.settings()
        heads = (self._db.state.integration_tip, self._db.state.target_tip)
        files = tuple(_state_of(path) for path in watched)
        parts = (settings.setup, settings.copy, settings.sandbox, self._means().level, heads, files)
        return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def setup_retry_pause(times: int) -> float:
    """Seconds until the next try after so many failures."""
    return min(FIRST_PAUSE * FACTOR ** min(times, 10), MAX_PAUSE)


def _state_of(path: str) -> tuple[int, int] | None:
    """Differs whenever the file or folder has changed; None while it does not exist."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size if os.path.isfile(path) else 0
