"""The daemon on its simulated machine: the shipped engine, its turns, its deaths and its restarts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from coworkd.board.immediate_intake import take_in_now
from coworkd.board.task_board import Board
from coworkd.diagnostics.simulation.controls import FOLDERS, Guard, Hasty, forget_bases
from coworkd.diagnostics.simulation.database import SimDatabase
from coworkd.diagnostics.simulation.external_editors import Act, ExternalEditors
from coworkd.diagnostics.simulation.faults import Crash, Faults
from coworkd.diagnostics.simulation.folder import SimFolder
from coworkd.diagnostics.simulation.git_job import SimGitJob
from coworkd.diagnostics.simulation.worker import Worker
from coworkd.sync.disk.atomic_writer import AtomicWriter
from coworkd.sync.engine import Engine
from coworkd.sync.git_knowledge import GitKnowledge
from coworkd.sync.git_questions import ask_git
from coworkd.sync.ingest.ingester import Ingester
from coworkd.sync.ingest.missing_files import MissingFiles

INSTANCE = "sim-0001"

LEAST = 0.001
"""Seconds that pass at the least between two turns."""

MAX_TURNS = 300
"""Turns within a tenth of a second beyond which the daemon is called restless."""


Item = TypeVar("Item")


class SpinError(Exception):
    """The daemon turns and turns, and always wants another turn at once."""


class Machine:
    """A daemon with a database of its own, on what is outside."""

    def __init__(self, outside: ExternalEditors, *, without: Guard | None = None, power: bool = False) -> None:
        self.outside = outside
        self.faults = Faults()
        self.displaced: list[bytes] = []
        """What steps of the daemon took out of files."""
        self.writes = 0
        """Steps of the daemon that changed the disk."""
        self.lives = 0
        self.power_lost = False
        """Whether the power has gone since the last question."""
        self.db = SimDatabase(self.faults, durable=power)
        folder = FOLDERS.get(without, SimFolder) if without else SimFolder
        self.folder = folder(outside.disk, self.faults, self.displaced.append, self._wrote)
        self._power = power
        self._without = without
        self._up = False
        self._git_job = SimGitJob(outside)
        self._hurried: list[str] = []
        self._scheduled: list[Act] = []

    # ---- life

    def turn(self) -> None:
        """One turn, the first of a life with its recovery before it; a crash ends the life."""
        try:
            if not self._up:
                self._boot()
            self._turn()
        except Crash as crash:
            self.die(power=crash.power)

    def _boot(self) -> None:
        outside, db, now = self.outside, self.db, self.outside.clock.now()
        self.lives += 1
        git = GitKnowledge(lambda asked: ask_git(outside.git, asked))
        intake = Ingester(db, self.folder, INSTANCE, git)
        judge = Hasty if self._without is Guard.GRACE else MissingFiles
        absences = judge(db, self.folder, git)
        self.engine = Engine(db, self.folder, git, intake, AtomicWriter(db, self.folder), absences)
        self.worker = Worker(Board(db, intake), INSTANCE)
        self.engine.recover(now)
        self.engine.scan(now, outside.clock.now)
        self.engine.pull(now)
        git.ask_later()
        self._up = True

    def die(self, *, power: bool) -> None:
        """kill -9, or worse."""
        self.outside.note("power loss" if power else "kill -9")
        self._up = False
        self._git_job.kill()
        self._hurried.clear()
        self._scheduled.clear()
        if power:
            self.power_lost = True
            self.outside.disk.lose_power(self.outside.chance)
            self.db.lose_power()

    def lose_database(self) -> None:
        """A person deletes the database while the daemon is down."""
        self.die(power=False)
        self.db = SimDatabase(self.faults, durable=self._power)

    def _turn(self) -> None:
        outside, now = self.outside, self.outside.clock.now()
        for path in outside.watcher.take(now):
            self.engine.mark_dirty(path, now)
        if self.engine.is_scan_due(now):
            self.engine.scan(now, outside.clock.now)
        self.engine.pull(now)
        self._git_job.step(self.engine, now)
        waiting = [path for path in self._taken(self._hurried) if not take_in_now(self.db, self.engine, path, now)]
        self._hurried += waiting
        self.worker.tick(now)
        for act in self._taken(self._scheduled):
            act()
        self.engine.push(now, blocked=self._blocked)
        if self._without is Guard.BASES:
            forget_bases(self.db)

    @staticmethod
    def _taken(queue: list[Item]) -> Iterator[Item]:
        while queue:
            yield queue.pop(0)

    def _blocked(self, path: str) -> bool:
        return bool(self.outside.git.operation()) and self.outside.git.index_lists(path)

    def _wrote(self, what: str) -> None:
        self.writes += 1
        self.outside.note(what)

    # ---- what is asked of it

    def hurry(self, path: str) -> None:
        """A command has written this file."""
        self._hurried.append(path)

    def schedule(self, act: Act) -> None:
        """Something for the board to do in the next turn."""
        self._scheduled.append(act)

    # ---- time

    def advance(self, seconds: float) -> None:
        """Let time pass, with a turn whenever something is due. Raises `SpinError`."""
        outside = self.outside
        end = outside.clock.now() + seconds
        self._step(0.0)
        recent: list[float] = []
        while (now := outside.clock.now()) < end:
            self._step(min(max(self._next() - now, LEAST), end - now))
            recent = [at for at in recent if at > now - 0.1] + [now]
            if len(recent) > MAX_TURNS * 0.1:
                raise SpinError("the daemon does not come to rest: something is always due")

    def _step(self, seconds: float) -> None:
        self.outside.clock.advance(seconds)
        self.outside.happen()
        self.turn()

    def _next(self) -> float:
        if not self._up:
            return 0.0
        times = (
            self.engine.deadline(), self.worker.deadline(), self.outside.watcher.deadline(), self.outside.deadline(),
            self._git_job.deadline(),
        )  # fmt: skip
        return min(at for at in times if at is not None)
