"""A real daemon on a real workspace, turned by hand at times that a test says: nothing waits for the machine's clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from coworkd.core.clock import ManualClock
from coworkd.daemon.composition import DaemonTerms, build
from coworkd.daemon.main_loop import Daemon
from coworkd.daemon.workspace_init import initialise
from coworkd.store import Database, RunRow, TaskRow
from coworkd.system import paths_and_settings
from coworkd.system.git import Repo
from coworkd.system.git.repository_trust import Trust
from tests.integration.gitkit import Checkout, checkout

ROUNDS = 300


class Place:
    """A workspace, and the daemon that works on it at a time that the test says."""

    def __init__(self, root: Path) -> None:
        self.at: Checkout = checkout(root)
        initialise(self.at.root)
        self.clock = ManualClock(time.time() + 60.0)
        self.repo = Repo.open(self.at.root).__enter__()
        self.paths = paths_and_settings.paths(self.repo.root, self.repo.common_dir)
        self.trust = Trust(paths_and_settings.trust_home(), self.repo)
        self.trust.give(self.trust.beginning())
        self.until = 0.0
        """What `coworkd up --until` says; 0: nothing."""
        self.daemon = self.begin()

    def begin(self) -> Daemon:
        return build(self.paths, self.repo, self.trust, terms=DaemonTerms(until=self.until), clock=self.clock)

    def restart(self, until: float = 0.0) -> None:
        """End the daemon and begin another one."""
        self.daemon.close()
        self.until = until
        self.daemon = self.begin()

    def close(self) -> None:
        self.daemon.close()
        self.repo.close()

    @property
    def db(self) -> Database:
        return self.daemon.runner.services.db

    def alive(self) -> frozenset[str]:
        """Runs that the executor has an agent for."""
        return self.daemon.runner.services.executor.alive()

    def turn(self) -> None:
        assert self.daemon.turn() is None

    def turn_until(self, holds: Callable[[], object]) -> None:
        for _ in range(ROUNDS):
            self.turn()
            if holds():
                return
            self.daemon.wait(0.1)
            self.clock.advance(0.05)
        raise AssertionError(f"never came: {self.db.all(TaskRow)}")

    def set_clock(self, step: float, *, restart: bool = False) -> None:
        self.clock.set_wall(step)
        if restart:
            self.daemon.close()
            self.clock.realign()
            self.daemon = self.begin()
        self.turn()

    def save(self, command: str, header: str = "status: ready", config: str = "quiet: 0") -> None:
        self.at.write(".cowork/agents/main.md", f"---\ndriver: command\ncommand: {command}\n---\n")
        self.at.write(".cowork/config.yaml", f"agent: main\n{config}\n")
        self.at.write(".cowork/tasks/a.md", f"---\n{header}\n---\nDo it.\n")

    def task(self) -> TaskRow | None:
        return self.db.one(TaskRow, "id = 'a'")

    def known_task(self) -> TaskRow:
        row = self.task()
        assert row is not None
        return row

    def runs(self) -> list[RunRow]:
        return self.db.all(RunRow, "task = 'a' ORDER BY started, rowid")
