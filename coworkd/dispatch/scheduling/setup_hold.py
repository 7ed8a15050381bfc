"""Runs wait while no slot can be made ready for them: one problem, no attempt, no agent.

Tried again when the set-up, the settings around it or the branches change, and after growing pauses; by one run at a
time, until one has its slot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from coworkd.board.setup_fault import SETUP_LOG, SetupFault, remember_setup_fault, setup_fault
from coworkd.board.task_board import Board
from coworkd.core.model import Problem
from coworkd.dispatch.executors.slot_results import Unprepared
from coworkd.sync.effective_specs import CONFIG
from coworkd.sync.problems import put_problem
from coworkd.system.sandbox.policy import Means

FIRST_PAUSE, FACTOR, LONGEST_PAUSE = 10.0, 3.0, 900.0
"""Seconds until a slot is tried again although nothing is known to have changed, and how they grow."""
_SOURCE = "set-up"


class SetupHold:
    """What keeps runs from their slots; used by the writer thread alone."""

    def __init__(self, board: Board, means: Callable[[], Means]) -> None:
        self._board = board
        self._db = board.db
        self._means = means
        self._fault = setup_fault(board.db)

    def note(self, value: Unprepared, now: float) -> str:
        """A slot could not be made ready: hold runs back, and show why; the reason in words."""
        before, key = self._fault, self._key()
        times = 0
        if before is not None and before.key == key:
            times = before.times + 1 if now >= before.at else before.times
        reason = f"no slot can be made ready: {value.reason}"
        pause = min(FIRST_PAUSE * FACTOR**times, LONGEST_PAUSE)
        self._fault = SetupFault(reason=reason, output=value.detail, key=key, at=now + pause, times=times)
        message = (
            f"{reason}. No agent is started and no attempt is used until that is repaired: correct `setup` here or what"
            f" it needs; it goes on by itself. The whole output: {SETUP_LOG}"
        )
        with self._db.write():
            remember_setup_fault(self._db, self._fault)
            put_problem(self._db, Problem(path=CONFIG, line=0, message=message), _SOURCE, now)
        return reason

    def over(self) -> None:
        """A slot has been made ready."""
        if self._fault is not None:
            self._fault = None
            with self._db.write():
                remember_setup_fault(self._db, None)
                self._board.solved(CONFIG, _SOURCE)

    def reason(self, now: float) -> str:
        """Why nothing may start now; empty when it may be tried."""
        fault = self._fault
        if fault is None or now >= fault.at:
            return ""
        if fault.key != self._key():
            self._fault = replace(fault, at=now)
            return ""
        return fault.reason

    def probing(self) -> bool:
        """Whether one run at a time is to find out if slots can be made ready again."""
        return self._fault is not None

    def deadline(self, now: float) -> float | None:
        """When it is tried again."""
        return self._fault.at if self._fault is not None and self._fault.at > now else None

    def _key(self) -> str:
        settings = self._board.specs.settings()
        heads = (self._db.setting("tip"), self._db.setting("target head"))
        parts = (settings.setup, settings.copy, settings.sandbox, self._means().level, heads)
        return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]
